"""Tables beside images: Hugging Face's metadata, with a row for each image, and tables with a row for each box."""

from collections.abc import Iterator, Mapping
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.data.sources.annotation_files import Files, Found
from finetrail.data.sources.coco import GIVEN
from finetrail.data.sources.columns import Record
from finetrail.data.sources.metadata import metadata_rows, table_records
from finetrail.errors import SourceError
from finetrail.targets.boxes.reading import CORNERS, Annotation, Box, corners_of, name_of, read_boxes

_IMAGES = ("filename", "file_name", "image", "image_path")
_CLASSES = ("class", "label", "name")


def read_metadata(files: Files, columns: Any) -> Found:
    """The labels in metadata.jsonl or metadata.csv. Raises: SourceError: a row has no boxes where it should."""
    found = Found(splits=files.splits_by_folder())
    for row in metadata_rows(files, columns.label):
        label = read_boxes(row.where, row.record[columns.label], columns.box, columns.classes)
        found.add(files.image(row.image, beside=row.table), row.image, Annotation() if label is None else label)
    return found


def box_table(files: Files) -> str | None:
    """The name of a table with a row for each box, as Roboflow and TensorFlow write it; None where there is none."""
    for name, data in files.texts.items():
        header = data.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip().split(",")
        if name.lower().endswith(".csv") and all(corner in header for corner in CORNERS):
            return name
    return None


def read_box_tables(files: Files) -> Found:
    """The labels of all such tables. Raises: SourceError: a column is missing, or a corner is no number."""
    found = Found(splits=files.splits_by_folder())
    for name, data in files.texts.items():
        if box_table(Files({name: data}, [])) is None:
            continue
        for number, record in table_records(name, data):
            where = f"{name}, row {number}"
            image_column, class_column = _one_of(where, record, _IMAGES), _one_of(where, record, _CLASSES)
            said = str(record[image_column])
            image = files.image(said, beside=name)
            label = (found.labels if image else found.missing).setdefault(image or said, Annotation())
            box = box_of(where, record, class_column, CORNERS, None)
            if box is not None:
                label.append(box._asdict())
    return found


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


def _one_of(where: str, record: Mapping[str, Any], names: tuple[str, ...]) -> str:
    found = next((name for name in names if name in record), None)
    if found is None:
        raise SourceError(f"{where} has no column {' or '.join(names)}; name it so, or give the table as source.path")
    return found
