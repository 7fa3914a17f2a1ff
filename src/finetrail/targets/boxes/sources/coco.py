"""The boxes in COCO's JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finetrail.data.sources import coco
from finetrail.data.sources.columns import Record, Tell
from finetrail.data.sources.tables import silent
from finetrail.targets.boxes.reading import Annotation, Box, corners_of


def annotation_of(listed: coco.Listed) -> Annotation:
    """The boxes of an image. Raises: SourceError: an annotation has none."""
    boxes = [
        Box(one.category, *corners_of(one.where, one.part("bbox"), "xywh"), crowd=bool(one.value.get("iscrowd")))
        for one in listed.annotations
    ]
    return Annotation.of(boxes, listed.size)


def coco_records(path: Path, columns: Any, tell: Tell = silent) -> Iterator[Record]:
    """See `finetrail.data.sources.coco.coco_records`."""
    return coco.coco_records(path, columns, annotation_of)
