"""Tables beside images: Hugging Face's metadata, with a row for each image, and tables with a row for each box."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.data.sources.annotated import split_in
from finetrail.data.sources.columns import Record, SplitName
from finetrail.errors import SourceError
from finetrail.targets.boxes.reading import CORNERS, Annotation, Box, corners_of, name_of, read_boxes
from finetrail.targets.boxes.sources.coco import GIVEN
from finetrail.targets.boxes.sources.files import Files

_METADATA = ("metadata.jsonl", "metadata.csv")
_FILE_NAME = "file_name"
_IMAGES = ("filename", "file_name", "image", "image_path")
_CLASSES = ("class", "label", "name")
Found = tuple[dict[str, Annotation], dict[str, Annotation], dict[str, SplitName]]
"""Labels by image, labels of images that are not there, and official splits by image."""


def is_metadata(files: Files) -> bool:
    """Whether a tree has Hugging Face's metadata."""
    return any(PurePosixPath(name).name in _METADATA for name in files.texts)


def read_metadata(files: Files, columns: Any) -> Found:
    """The labels in metadata.jsonl or metadata.csv; images are named relative to it.

    Raises:
        SourceError: a row has no `file_name`, or no boxes where `columns.label` says.
    """
    labels: dict[str, Annotation] = {}
    missing: dict[str, Annotation] = {}
    for name, data in files.texts.items():
        if PurePosixPath(name).name not in _METADATA:
            continue
        for number, record in _records(name, data):
            where = f"{name}, row {number}"
            for needed in (_FILE_NAME, columns.label):
                if needed not in record:
                    raise SourceError(f"{where} has no {needed!r}, but {', '.join(record)}; set source.columns.label")
            said = str(PurePosixPath(name).parent / str(record[_FILE_NAME]))
            label = read_boxes(where, record[columns.label], columns.box, columns.classes)
            image = files.image(said, beside=name)
            (labels if image else missing)[image or said] = Annotation() if label is None else label
    return labels, missing, _splits(files)


def box_table(files: Files) -> str | None:
    """The name of a table with a row for each box, as Roboflow and TensorFlow write it; None where there is none."""
    for name, data in files.texts.items():
        header = data.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip().split(",")
        if name.lower().endswith(".csv") and all(corner in header for corner in CORNERS):
            return name
    return None


def read_box_tables(files: Files) -> Found:
    """The labels of all such tables. Raises: SourceError: a column is missing, or a corner is no number."""
    labels: dict[str, Annotation] = {}
    missing: dict[str, Annotation] = {}
    for name, data in files.texts.items():
        if box_table(Files({name: data}, [])) is None:
            continue
        for number, record in _records(name, data):
            where = f"{name}, row {number}"
            image_column, class_column = _one_of(where, record, _IMAGES), _one_of(where, record, _CLASSES)
            said = str(record[image_column])
            image = files.image(said, beside=name)
            label = (labels if image else missing).setdefault(image or said, Annotation())
            box = box_of(where, record, class_column, CORNERS, None)
            if box is not None:
                label.append(box._asdict())
    return labels, missing, _splits(files)


def by_image(records: Iterator[Record], columns: Any) -> Iterator[Record]:
    """The records of a table with a row for each box, put together: one for each image, with its first row's number."""
    found: dict[Any, tuple[int, dict[str, Any]]] = {}
    for number, record in records:
        image = record[columns.contents[0]]
        _, kept = found.setdefault(image, (number, record | {GIVEN: Annotation()}))
        box = box_of(f"row {number}", record, columns.label, columns.corners, columns.classes)
        if box is not None:
            kept[GIVEN].append(box._asdict())
    yield from found.values()


def box_of(
    where: str, record: Mapping[str, Any], label: str, corners: tuple[str, ...], classes: tuple[str, ...] | None
) -> Box | None:
    """The box of a row; None where it has no corners, as a row for an image without boxes."""
    values = [record[corner] for corner in corners]
    if all(map(is_missing, values)):
        return None
    return Box(name_of(where, record[label], classes), *corners_of(where, values, "xyxy"))


def _records(name: str, data: bytes) -> Iterator[Record]:
    text = data.decode("utf-8-sig", "replace")
    if name.lower().endswith(".csv"):
        yield from enumerate(csv.DictReader(io.StringIO(text)), start=1)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            record = json.loads(line) if line.strip() else None
        except ValueError as error:
            raise SourceError(f"{name}, line {number} is not JSON ({error}); correct it") from error
        if isinstance(record, dict):
            yield number, record


def _one_of(where: str, record: Mapping[str, Any], names: tuple[str, ...]) -> str:
    found = next((name for name in names if name in record), None)
    if found is None:
        raise SourceError(f"{where} has no column {' or '.join(names)}; name it so, or give the table as source.path")
    return found


def _splits(files: Files) -> dict[str, SplitName]:
    return {image: split for image in files.images if (split := split_in(image)) is not None}
