"""A folder or an archive of images with masks: image files beside them, or regions in COCO's JSON."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from finetrail.data.image_files import open_image
from finetrail.data.sources.annotated import is_image, split_in
from finetrail.data.sources.coco import has_coco
from finetrail.starting.looking import Data
from finetrail.starting.shape import Choice, Seen, Shape
from finetrail.starting.shapes.boxes import lines
from finetrail.starting.splitting import divided
from finetrail.targets.masks.settings import MaskColumns
from finetrail.targets.masks.sources.pairs import divided as apart
from finetrail.targets.masks.sources.tree import annotations_of

_LOOKED_AT = 40  # masks
_MOST = 60  # classes that a person would name
_BACKGROUND, _OBJECT, _UNLABELLED = "background", "object", 255


class _Masks(Shape):
    task = ("image-segmentation", None)
    recipe = "own-masks"
    looks = "folders `images` and `masks` with files of the same names, or images with COCO's JSON"

    def recognise(self, data: Data) -> Seen | None:
        if data.tree is None:
            return None
        if has_coco(data.files):
            said: list[str] = []
            found = annotations_of(data.tree, MaskColumns(), said.append)
            classes = Counter(one["label"] for mask in found.labels.values() if mask for one in mask["regions"])
            official = Counter(str(split) for split in found.splits.values())
            return Seen([*said, *lines(classes, official, found.missing)], len(found.labels), Counter(), official)
        images, masks = apart([name for name in data.names if is_image(name)])
        if not masks or not images:
            return None
        columns, line = _meaning(data, masks)
        official = Counter(str(split) for name in images if (split := split_in(name)))
        return Seen(
            [f"{data.name}: {len(images)} images, {len(masks)} masks", line], len(masks), Counter(), official, columns
        )

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        yield Choice(("source", "path"), data.place, "the folders' and files' names tell images from masks")
        if seen.facts:
            yield Choice(("source", "columns"), seen.facts, seen.said[1].strip())
        yield from divided(seen)


def _meaning(data: Data, masks: list[str]) -> tuple[dict[str, Any], str]:
    """Section `source.columns` by the values or colours of some masks, and what was found, for people."""
    import numpy as np

    wanted = set(masks[:: max(1, len(masks) // _LOOKED_AT)])
    values: set[int] = set()
    colours: set[tuple[int, ...]] = set()
    assert data.tree is not None  # noqa: S101 - recognised
    for name, content in data.tree.read(data.path):
        if name not in wanted:
            continue
        image = open_image(content)
        if image.mode in ("RGB", "RGBA"):
            colours |= {colour for _, colour in image.convert("RGB").getcolors(2**24) or []}  # type: ignore[misc]
        else:
            values |= {int(one) for one in np.unique(np.asarray(image))}
    if colours and all(len({*one}) == 1 for one in colours):
        values, colours = values | {one[0] for one in colours}, set()
    if colours:
        palette = {f"class_{place}": [*one] for place, one in enumerate(sorted(colours)[:_MOST])}
        return {"palette": palette}, f"  masks have {len(colours)} colours; give the classes their names here"
    if values <= {0, 1} or values <= {0, _UNLABELLED}:
        return {"classes": [_BACKGROUND, _OBJECT]}, "  masks have two values: background and object"
    found = sorted(values - {_UNLABELLED})[:_MOST]
    named = {value: f"class_{value}" if value else _BACKGROUND for value in found}
    ignored = {"ignore": [_UNLABELLED]} if _UNLABELLED in values else {}
    return {
        "classes": named
    } | ignored, f"  masks have the values {found[0]} to {found[-1]}; give the classes their names here"


SHAPES = (_Masks(),)
