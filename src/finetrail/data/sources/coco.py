"""COCO: a JSON file with images, annotations and categories (Lin et al. 2014). What an annotation says is the target's.

Ids may have gaps.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from finetrail.data.sources.annotation_files import Files, Found
from finetrail.data.sources.columns import OFFICIAL, Columns, Record, SplitName
from finetrail.data.sources.json_objects import read_objects
from finetrail.data.sources.scan import encoding_of
from finetrail.data.sources.tables import read_jsonl
from finetrail.errors import SourceError

GIVEN = "\0label"
"""The key of a label in a record of such a file: no table has a column of this name."""
_PARTS = ("images", "annotations", "categories")


class Annotated(NamedTuple):
    """An annotation. Attributes: where: for messages; category: its name; value: as the file has it."""

    where: str
    category: str
    value: Mapping[str, Any]

    def part(self, key: str) -> Any:
        """What it has under a key. Raises: SourceError: nothing."""
        return _part(self.where, self.value, key)


@dataclass(frozen=True)
class Listed:
    """An image that a file lists.

    Attributes:
        where: for messages.
        size: width and height that the file gives it; None where it gives none.
    """

    where: str
    name: str
    size: tuple[int, int] | None
    annotations: list[Annotated]


LabelOf = Callable[[Listed], Any]
"""Makes the label of an image."""


def is_coco(value: Any) -> bool:
    """Whether a JSON value is a file of this form."""
    return isinstance(value, Mapping) and all(isinstance(value.get(part), list) for part in _PARTS)


def has_coco(files: Files) -> bool:
    """Whether a tree has a file of this form."""
    return any(name.lower().endswith(".json") and is_coco(_loaded(data)) for name, data in files.texts.items())


def read_coco(files: Files, label_of: LabelOf, found: Found) -> None:
    """Add the labels of a tree to what is found.

    The split is that which the file's name or its folder says: instances_train2017.json, valid/_annotations.coco.json.

    Raises:
        SourceError: a file is not of this form.
    """
    for name, data in files.texts.items():
        value = _loaded(data) if name.lower().endswith(".json") else None
        if not is_coco(value):
            continue
        split = split_of(name)
        for listed in listed_images(name, value):
            image = files.image(listed.name, beside=name)
            if image in found.labels:
                raise SourceError(
                    f"{name} annotates {image!r}, which another file annotates too; give each image one annotation"
                )
            found.add(image, listed.name, label_of(listed))
            if image and split:
                found.splits[image] = split


def coco_records(path: Path, columns: Columns, label_of: LabelOf) -> Iterator[Record]:
    """Yield (image number from 1, record with the image's name and its label) of a single file.

    Images lie under the names that it gives, beside it. A JSON file of another form has an object a row.
    """
    first = next((value for _, value in read_objects(path, encoding_of(path))), None)
    if not is_coco(first):
        yield from read_jsonl(path, columns.names)
        return
    for number, listed in enumerate(listed_images(path.name, first), start=1):
        yield number, {columns.contents[0]: listed.name, GIVEN: label_of(listed)}


def listed_images(name: str, value: Any) -> Iterator[Listed]:
    """The images of a file.

    Args:
        name: the file's, for messages.

    Raises:
        SourceError: a part is missing, or an annotation is of an image or a category that is not listed.
    """
    names = {_part(name, one, "id"): str(_part(name, one, "name")) for one in value["categories"]}
    images = {_part(name, one, "id"): one for one in value["images"]}
    annotations: dict[Any, list[Annotated]] = {number: [] for number in images}
    for one in value["annotations"]:
        where = f"{name}, annotation {one.get('id') if isinstance(one, Mapping) else one!r}"
        image, category = _part(where, one, "image_id"), _part(where, one, "category_id")
        for known, number, what in ((images, image, "images"), (names, category, "categories")):
            if number not in known:
                raise SourceError(f"{where} is of {number!r}, which is none of the {len(known)} {what}; correct it")
        annotations[image].append(Annotated(where, names[category], one))
    for number, image in images.items():
        wide, high = image.get("width"), image.get("height")
        size = (wide, high) if isinstance(wide, int) and isinstance(high, int) else None
        yield Listed(f"{name}, image {number}", str(_part(name, image, "file_name")), size, annotations[number])


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
