"""Masks as tables write them, and as people correct them: image files, or regions as JSON."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.data.store.content import Absent
from finetrail.data.store.raw import Unreadable
from finetrail.errors import SourceError
from finetrail.targets.masks.label import BACKGROUND, Region, mask_label
from finetrail.targets.masks.settings import MaskColumns

_LABELS = ("label", "category", "class", "name")
_REMEDY = "give an image file, or {width, height, regions: [{label, counts}]} with COCO's run lengths"


class Mask(dict[str, Any]):
    """The label of a row, with what is wrong with the file that it is from.

    Attributes:
        faults: in words, by the rule that finds them.
        scaled: whether its values were 0 and 255 where 0 and 1 are named.
    """

    faults: Mapping[str, str] = {}
    scaled: bool = False

    @staticmethod
    def of(width: int, height: int, regions: Iterable[Region], faults: Mapping[str, str] | None = None) -> "Mask":
        """A label with its regions in one order, whatever that of the source: of two that overlap, the smaller counts.

        Crowds come first. What says of pixels that they are background is no region.
        """
        from finetrail.targets.masks.raster import areas_of

        given = [region for region in regions if region.label != BACKGROUND]
        areas = dict(zip(given, areas_of(given, width, height), strict=True))
        given.sort(key=lambda one: (not one.crowd, -areas[one], one.label or "", one.counts))
        made = Mask(mask_label(width, height, given))
        made.faults = faults or {}
        return made


def read_mask(where: str, value: Any, columns: MaskColumns) -> "Mask | Unreadable | None":
    """The label in a field; None where it is missing, `Unreadable` where a rule is to say why it cannot be used.

    Raises:
        SourceError: it holds neither an image nor regions, or `columns` does not say what its values mean.
    """
    from finetrail.targets.masks.files import read_file

    if isinstance(value, Mask | Unreadable):
        return value
    if isinstance(value, Absent):
        return Unreadable(value)
    if isinstance(value, bytes):
        return read_file(where, value, columns)
    if is_regions(value):
        return read_regions(where, value)
    if is_missing(value):
        return None
    raise _refusal(where, value)


def is_regions(value: Any) -> bool:
    """Whether a field holds regions, and not an image."""
    if isinstance(value, str):
        return value.lstrip().startswith("{")
    return isinstance(value, Mapping) and "regions" in value


def read_regions(where: str, value: Any) -> Mask:
    """A label of regions. Raises: SourceError: it has none of this form."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise _refusal(where, value) from None
    width, height = (value.get(side) if isinstance(value, Mapping) else None for side in ("width", "height"))
    if not isinstance(width, int) or not isinstance(height, int) or width < 1 or height < 1:
        raise _refusal(where, value)
    found = list(value.get("regions") or ())
    if not all(isinstance(one, Mapping) for one in found):
        raise _refusal(where, value)
    return Mask.of(width, height, [_region(where, one, width, height) for one in found])


def region_of(where: str, label: str | None, given: Any, size: tuple[int, int], crowd: bool) -> Region:
    """A region of a class.

    Args:
        given: COCO's `segmentation`: polygons, run lengths, or compressed run lengths.
        size: width and height of the image.

    Raises:
        SourceError: it is none of them, or of another size.
    """
    from finetrail.targets.masks import raster

    width, height = size
    if isinstance(given, Mapping):
        if list(given.get("size", (height, width))) != [height, width]:
            raise SourceError(
                f"{where}: run lengths are of {given['size']}, height and width, but the image has {[height, width]}; "
                "correct it"
            )
        given = given.get("counts")
    if isinstance(given, bytes):
        given = given.decode("ascii", "replace")
    try:
        if isinstance(given, str):
            return Region(label, raster.counts_of(raster.pixels_of(given, width, height)), crowd)
        if isinstance(given, Sequence) and given and all(map(_is_whole, given)):
            return Region(label, raster.counts_of_lengths(given, width, height), crowd)
        if isinstance(given, Sequence) and given and all(map(_is_polygon, given)):
            return Region(label, raster.counts_of_polygons(given, width, height), crowd)
    except (ValueError, RuntimeError, UnicodeEncodeError) as error:
        raise SourceError(f"{where}: {' '.join(str(error).split())[:120]}; correct the run lengths") from error
    raise SourceError(
        f"{where}: the pixels of {label!r} are {str(given)[:60]!r}, but they are polygons [[x, y, x, y, ...]] or "
        "COCO's run lengths; correct it"
    )


def _region(where: str, one: Mapping[str, Any], width: int, height: int) -> Region:
    label = next((one[name] for name in _LABELS if one.get(name) is not None), None)
    counts = one["counts"] if one.get("counts") is not None else one.get("segmentation")
    name = None if label is None else str(label).strip()
    if name == "":
        raise SourceError(f"{where}: a region has an empty class; name it, or write null for pixels to ignore")
    return region_of(where, name, counts, (width, height), bool(one.get("crowd") or one.get("iscrowd")))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_polygon(value: Any) -> bool:
    numbers = isinstance(value, Sequence) and len(value) >= 6 and len(value) % 2 == 0
    return numbers and all(isinstance(one, int | float) and math.isfinite(one) for one in value)


def _refusal(where: str, value: Any) -> SourceError:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return SourceError(f"{where}: a mask is {shown[:60]!r}, which cannot be read; {_REMEDY}")
