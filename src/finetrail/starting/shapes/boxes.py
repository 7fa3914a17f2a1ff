"""A folder or an archive of images with boxes: COCO's JSON, Pascal VOC's XML, YOLO's text files, a table of boxes."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from finetrail.data.sources.annotated import is_image
from finetrail.data.sources.coco import has_coco
from finetrail.starting.looking import Data
from finetrail.starting.shape import Choice, Seen, Shape
from finetrail.starting.splitting import divided
from finetrail.targets.boxes.settings import BoxColumns
from finetrail.targets.boxes.sources.tables import box_table
from finetrail.targets.boxes.sources.tree import annotations_of
from finetrail.targets.boxes.sources.voc import is_voc
from finetrail.targets.boxes.sources.yolo import is_yolo

OTHERS = ("instance_segmentation", "image-segmentation")
"""What polygons may be learnt as, too: objects, or classes of pixels."""


class _Boxes(Shape):
    task = ("object-detection", None)
    recipe = "own-boxes"
    looks = "a folder of images with COCO's JSON, Pascal VOC's XML or YOLO's text files"

    def recognise(self, data: Data) -> Seen | None:
        files = data.files
        if data.tree is None or not any(map(is_image, data.names)):
            return None
        if not (has_coco(files) or is_voc(files) or is_yolo(files) or box_table(files)):
            return None
        if has_coco(files) and any(b'"segmentation"' in one for one in files.texts.values()):
            said = "has boxes and masks of objects; are boxes learnt, or masks of objects, or classes of pixels"
            if data.task_of(said, (self.task[0], *OTHERS)) in OTHERS:
                return None
        said_of_files: list[str] = []
        found = annotations_of(data.tree, BoxColumns(), said_of_files.append)
        boxes = Counter(box["label"] for label in found.labels.values() for box in label)
        official = Counter(str(split) for split in found.splits.values())
        return Seen([*said_of_files, *lines(boxes, official, found.missing)], len(found.labels), Counter(), official)

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        yield Choice(("source", "path"), data.place, seen.said[0].partition(": ")[2])
        yield from divided(seen)


def lines(objects: Counter[str], official: Counter[str], missing: Any) -> Iterator[str]:
    """What annotations hold, for people."""
    named = ", ".join(f"{name!r} {count}" for name, count in objects.most_common(6))
    yield f"  {sum(objects.values())} objects: {named}" + (f" and {len(objects) - 6} more" if len(objects) > 6 else "")
    if official:
        yield "  official splits: " + ", ".join(f"{name} {rows} images" for name, rows in official.items())
    if missing:
        yield f"  {len(missing)} annotations are of images that are not there: validation puts them aside"


SHAPES = (_Boxes(),)
