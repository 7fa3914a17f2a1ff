"""A label that is a class for each pixel of an image, and where the data has it, for each object."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finetrail.errors import TrainingError
from finetrail.targets.masks.label import BACKGROUND, names_in
from finetrail.targets.masks.metrics import METRICS
from finetrail.targets.masks.regions import Regions
from finetrail.targets.masks.training import MaskTraining

if TYPE_CHECKING:
    from finetrail.targets.masks.codec import MaskCodec
    from finetrail.targets.masks.learning import MaskLearning


class _Masks(Regions):
    """See `finetrail.targets.target.Target`."""

    name = "masks"
    problem_type = "image_segmentation"
    noun = "image segmentation"
    metrics = METRICS
    Training = MaskTraining

    def learn(self, labels: Sequence[Any], settings: Any) -> "MaskLearning":
        from finetrail.targets.masks.codec import MaskCodec
        from finetrail.targets.masks.learning import MaskLearning
        from finetrail.targets.masks.raster import has_background

        classes = {name for label in labels for name in names_in(label)}
        if any(map(has_background, labels)):
            classes.add(BACKGROUND)
        if len(classes) < 2:
            raise TrainingError(
                f"all pixels of the {len(labels)} training images are {' or '.join(classes) or 'ignored'}: there is "
                "nothing to learn; add masks with another class"
            )
        ordered = tuple(sorted(classes, key=lambda name: (name != BACKGROUND, name)))
        return MaskLearning(MaskCodec(ordered, settings.decoder, settings.decoder_width))

    def codec(self, described: Mapping[str, Any]) -> "MaskCodec":
        from finetrail.targets.masks.codec import MaskCodec

        return MaskCodec(**{**described, "classes": tuple(described["classes"])})

    def learned(self, described: Mapping[str, Any]) -> "MaskLearning":
        from finetrail.targets.masks.learning import MaskLearning

        return MaskLearning(self.codec(described))


MASKS = _Masks()
