"""How an image becomes what a vision backbone was trained on: size, crop and normalisation."""

from dataclasses import dataclass

from finetrail.contents.image.fitted.settings import STRIDE
from finetrail.contents.image.settings import ImageBackbone
from finetrail.errors import ConfigError


@dataclass(frozen=True)
class Preprocessing:
    """The evaluation view of a backbone.

    Attributes:
        image_size: pixels of the square that the backbone gets.
        resize: the shorter side is resized to so many pixels before the centre crop; at least `image_size`.
        mean, std: of the RGB channels, for values in 0..1.
        interpolation: of the resize, by torchvision's names: `bilinear`, `bicubic`, `nearest`, `lanczos`.
        aspect: width to height of the canvas that whole images are fitted into.
        stretch: whether a whole image fills the canvas, its proportions lost.
    """

    image_size: int
    resize: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    aspect: tuple[int, int] = (1, 1)
    stretch: bool = False

    @property
    def canvas(self) -> tuple[int, int]:
        """Width and height of the canvas: the longer side is `image_size`, the other one is rounded up."""
        width, height = (
            min(self.image_size, -(-self.image_size * side // (max(self.aspect) * STRIDE)) * STRIDE)
            for side in self.aspect
        )
        return width, height


def overridden(own: Preprocessing, settings: ImageBackbone) -> Preprocessing:
    """A backbone's own preprocessing with what params.yaml says laid over it.

    Raises:
        ConfigError: the image would be resized to less than what is cut out of it.
    """
    image_size = settings.image_size or own.image_size
    # Another size than the backbone's own has no crop that the backbone was trained with.
    resize = settings.resize or (own.resize if settings.image_size is None else image_size)
    if resize < image_size:
        raise ConfigError(
            f"backbone.resize is {resize}, less than the {image_size} pixels that the backbone gets; "
            "raise it, or lower backbone.image_size"
        )
    return Preprocessing(image_size, resize, settings.mean or own.mean, settings.std or own.std, own.interpolation)
