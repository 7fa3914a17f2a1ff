"""What the label of a mask is: regions of an upright image, each with its class."""

from collections.abc import Iterable
from typing import Any, NamedTuple

BACKGROUND = "background"
"""The class of pixels that no region covers."""


class Region(NamedTuple):
    """Pixels of one class.

    Attributes:
        label: the class; None for pixels that are neither learnt nor scored.
        counts: the pixels, as COCO's compressed run lengths.
        crowd: whether it stands for many objects.
    """

    label: str | None
    counts: str
    crowd: bool = False


def mask_label(width: int, height: int, regions: Iterable[Region]) -> dict[str, Any]:
    """The label of an image. Where regions overlap, the later one counts."""
    return {"width": width, "height": height, "regions": [region._asdict() for region in regions]}


def regions_of(label: Any) -> list[Region]:
    """The regions of a label, also as Parquet gives it back."""
    return [Region(**region) for region in label["regions"]]


def objects_in(label: Any) -> list[Region]:
    """The regions of a label that have a class."""
    return [region for region in regions_of(label) if region.label is not None]


def names_in(label: Any) -> list[str]:
    """The classes that a label has beside the background, in order."""
    return sorted({region["label"] for region in label["regions"] if region["label"] is not None})
