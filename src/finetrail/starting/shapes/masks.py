"""A folder or an archive of images with masks of classes: image files beside them, or regions in COCO's JSON."""

from collections.abc import Iterator
from typing import Any

from finetrail.data.sources.coco import has_coco
from finetrail.starting.looking import Data
from finetrail.starting.shape import Choice, Seen, Shape
from finetrail.starting.shapes.mask_files import (
    BACKGROUND,
    OBJECT,
    UNLABELLED,
    MaskFiles,
    mask_files_in,
    seen_in_coco,
)
from finetrail.starting.shapes.tabular import with_line
from finetrail.starting.splitting import divided

_MOST = 60  # classes that a person would name


class _Masks(Shape):
    task = ("image-segmentation", None)
    recipe = "own-masks"
    looks = "folders `images` and `masks` with files of the same names, or images with COCO's JSON"

    def recognise(self, data: Data) -> Seen | None:
        if data.tree is None:
            return None
        if has_coco(data.files):
            return seen_in_coco(data)
        found = mask_files_in(data)
        if found is None:
            return None
        columns, line = _meaning(found)
        seen = found.seen(data.name, line, columns)
        if not found.may_number_objects:
            return seen
        one = f"{{classes: [{BACKGROUND}, {OBJECT}], instances: true}}"
        return with_line(seen, f"  if each value is an object of one class, write columns: {one} in params.yaml")

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        yield Choice(("source", "path"), data.place, "the folders' and files' names tell images from masks")
        if seen.facts:
            yield Choice(("source", "columns"), seen.facts, seen.said[1].strip())
        yield from divided(seen)


def _meaning(masks: MaskFiles) -> tuple[dict[str, Any], str]:
    """Section `source.columns` by the values or colours of some masks, and what was found, for people."""
    values, colours = masks.all_values, masks.colours
    if colours:
        palette = {f"class_{place}": [*one] for place, one in enumerate(sorted(colours)[:_MOST])}
        return {"palette": palette}, f"  masks have {len(colours)} colours; give the classes their names here"
    if values <= {0, 1} or values <= {0, UNLABELLED}:
        return {"classes": [BACKGROUND, OBJECT]}, "  masks have two values: background and object"
    found = sorted(values - {UNLABELLED})[:_MOST]
    named = {value: f"class_{value}" if value else BACKGROUND for value in found}
    ignored = {"ignore": [UNLABELLED]} if UNLABELLED in values else {}
    line = f"  masks have the values {found[0]} to {found[-1]}; give the classes their names here"
    return {"classes": named} | ignored, line


SHAPES = (_Masks(),)
