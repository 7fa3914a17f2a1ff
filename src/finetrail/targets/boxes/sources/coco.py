"""COCO: a JSON file with images, annotations and categories (Lin et al. 2014)."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finetrail.data.sources.columns import OFFICIAL, Record, SplitName, Tell
from finetrail.data.sources.json_objects import read_objects
from finetrail.data.sources.scan import encoding_of
from finetrail.data.sources.tables import read_jsonl, silent
from finetrail.errors import SourceError
from finetrail.targets.boxes.reading import Annotation, Box, corners_of
from finetrail.targets.boxes.sources.files import Files

GIVEN = "\0boxes"
"""The key of the boxes in a record of such a file: no table has a column of this name."""
_PARTS = ("images", "annotations", "categories")


def is_coco(value: Any) -> bool:
    """Whether a JSON value is a file of this form."""
    return isinstance(value, Mapping) and all(isinstance(value.get(part), list) for part in _PARTS)


def has_coco(files: Files) -> bool:
    """Whether a tree has a file of this form."""
    return any(name.lower().endswith(".json") and is_coco(_loaded(data)) for name, data in files.texts.items())


def read_coco(files: Files) -> tuple[dict[str, Annotation], dict[str, Annotation], dict[str, SplitName]]:
    """Labels by image, labels of images that are not there by the name given, and official splits by image.

    The split is that which the file's name or its folder says: instances_train2017.json, valid/_annotations.coco.json.

    Raises:
        SourceError: a file is not of this form.
    """
    labels, missing, splits = {}, {}, {}
    for name, data in files.texts.items():
        value = _loaded(data) if name.lower().endswith(".json") else None
        if not is_coco(value):
            continue
        split = split_of(name)
        for said, label in annotated(name, value):
            image = files.image(said, beside=name)
            if image is None:
                missing[said] = label
            elif image in labels:
                raise SourceError(
                    f"{name} annotates {image!r}, which another file annotates too; give each image one annotation"
                )
            else:
                labels[image] = label
                if split:
                    splits[image] = split
    return labels, missing, splits


def coco_records(path: Path, columns: Any, tell: Tell = silent) -> Iterator[Record]:
    """Yield (image number from 1, record with the image's name and its boxes) of a single file.

    Images lie under the names that it gives, beside it. A JSON file of another form has an object a row.
    """
    first = next((value for _, value in read_objects(path, encoding_of(path))), None)
    if not is_coco(first):
        yield from read_jsonl(path, columns.names)
        return
    for number, (said, label) in enumerate(annotated(path.name, first), start=1):
        yield number, {columns.contents[0]: said, GIVEN: label}


def annotated(name: str, value: Any) -> Iterator[tuple[str, Annotation]]:
    """The file name of each image of a file, and its boxes.

    Args:
        name: the file's, for messages.

    Raises:
        SourceError: a part is missing, or an annotation is of an image or a category that is not listed.
    """
    names = {_part(name, one, "id"): str(_part(name, one, "name")) for one in value["categories"]}
    images = {_part(name, one, "id"): one for one in value["images"]}
    boxes: dict[Any, list[Box]] = {number: [] for number in images}
    for one in value["annotations"]:
        where = f"{name}, annotation {one.get('id') if isinstance(one, Mapping) else one!r}"
        image, category = _part(where, one, "image_id"), _part(where, one, "category_id")
        for known, number, what in ((images, image, "images"), (names, category, "categories")):
            if number not in known:
                raise SourceError(f"{where} is of {number!r}, which is none of the {len(known)} {what}; correct it")
        corners = corners_of(where, _part(where, one, "bbox"), "xywh")
        boxes[image].append(Box(names[category], *corners, crowd=bool(one.get("iscrowd"))))
    for number, image in images.items():
        size = image.get("width"), image.get("height")
        drawn = (size[0], size[1]) if isinstance(size[0], int) and isinstance(size[1], int) else None
        yield str(_part(name, image, "file_name")), Annotation.of(boxes[number], drawn)


def split_of(name: str) -> SplitName | None:
    """The official split that the name of a file, or a folder above it, has as a word."""
    for part in name.split("/")[::-1]:
        for word in re.findall("[a-z]+", part.lower()):
            if word in OFFICIAL:
                return OFFICIAL[word]
    return None


def _loaded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None  # not an annotation


def _part(where: str, value: Any, key: str) -> Any:
    if not isinstance(value, Mapping) or value.get(key) is None:
        raise SourceError(f"{where} has no {key!r}, but COCO's JSON has one there; correct it")
    return value[key]
