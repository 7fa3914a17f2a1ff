"""Images: reading, rules, near duplicates, preprocessing, backbones, export."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from finetrail.contents.attack import Attack
from finetrail.contents.content import Backbone, Content
from finetrail.contents.image.fitted.settings import ObjectTraining, PlacedTraining, PyramidBackboneSettings
from finetrail.contents.image.perturbations import PERTURBATIONS, perturb
from finetrail.contents.image.received import receive_images, undecodable
from finetrail.contents.image.rules import ImageRules
from finetrail.contents.image.settings import ImageBackbone, ImageSlice, ImageTraining
from finetrail.contents.image.source import ImageColumns, ImageSource
from finetrail.contents.image.split import ImageSplit
from finetrail.contents.image.unlabelled import unlabelled_images
from finetrail.data.sources.unlabelled import Reading, Unlabelled
from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.contents.content import Networks
    from finetrail.data.sources.place import Source as AnySource
    from finetrail.models.placements import Placements


PYRAMID = "pyramid"
"""What a head reads that names places: maps of several resolutions, of whole images."""
FINE_PYRAMID = "fine_pyramid"
"""The same with a finer map too, for heads that name each pixel."""
STRIDES: Mapping[str, tuple[int, ...]] = {PYRAMID: (8, 16, 32), FINE_PYRAMID: (4, 8, 16, 32)}
"""Pixels of an image for each place of the maps of a pyramid."""
_EPSILON = "epsilon (1/255 of the range of a pixel)"


class _Image(Content):
    """See `finetrail.contents.content.Content`."""

    name = "image"
    noun = "image"
    size = "bytes"
    offers: frozenset[str] = frozenset()
    # The backbone of a model is of torchvision, timm or transformers.
    requirements = ("pillow", "timm", "torchvision")
    measures_kernels = True
    perturbations = PERTURBATIONS
    attacks = {  # noqa: RUF012 - read only, by its type
        "fgsm": Attack("FGSM", "Every pixel takes one step of epsilon along the sign of the gradient.", _EPSILON),
        "pgd": Attack("PGD", "From a random start, ten small steps along the sign of the gradient.", _EPSILON),
    }
    Columns = ImageColumns
    Source = ImageSource
    Rules = ImageRules
    Split = ImageSplit
    Training = ImageTraining
    Slice = ImageSlice

    def backbone(self, features: str) -> type[Backbone]:
        return PyramidBackboneSettings if features in STRIDES else ImageBackbone

    def training(self, in_place: bool, objects: bool) -> type[Settings]:
        if objects:
            return ObjectTraining
        return PlacedTraining if in_place else ImageTraining

    def networks(self) -> "Networks":
        from finetrail.contents.image import backbone

        return cast("Networks", backbone)

    def unlabelled(
        self, path: Path, columns: Sequence[str], source: "AnySource | None", reading: Reading
    ) -> Iterator[Unlabelled]:
        return unlabelled_images(path, columns[0], source, reading)

    def receive(self, rows: Sequence[Mapping[str, object]], read_paths: bool) -> list[Any]:
        return receive_images([next(iter(row.values())) for row in rows], read_paths)

    def faults(self, contents: Sequence[Any]) -> dict[int, str]:
        return undecodable(contents)

    def perturb(self, name: str, content: Any, severity: int, seed: int) -> Any:
        return perturb(name, content, severity, seed)

    def moved(self, names: Sequence[str], was: Sequence[Any], became: Sequence[Any]) -> "list[Placements]":
        from finetrail.contents.image.perturbations.moved import moved

        return [
            moved(one, other, mirrored=name in PERTURBATIONS and PERTURBATIONS[name].mirrored)
            for name, one, other in zip(names, was, became, strict=True)
        ]


IMAGE = _Image()
