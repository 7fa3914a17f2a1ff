"""Ranges of areas, as COCO divides objects."""

from collections.abc import Iterator, Mapping

from finetrail.targets.boxes.reading import Box

AREAS: Mapping[str, tuple[float, float]] = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
"""Square pixels of the upright image, both ends included."""
SIZES = tuple(name for name in AREAS if name != "all")


def sizes_of(box: Box) -> Iterator[str]:
    """Which of `SIZES` a box has: most often one."""
    area = (box.xmax - box.xmin) * (box.ymax - box.ymin)
    return (name for name in SIZES if AREAS[name][0] <= area <= AREAS[name][1])
