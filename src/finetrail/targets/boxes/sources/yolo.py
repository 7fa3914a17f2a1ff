"""YOLO: a text file for each image, a line for each box, and a YAML file with the names of the classes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from finetrail.data.sources.annotation_files import Files, Found
from finetrail.errors import SourceError
from finetrail.targets.boxes.reading import Annotation, Box, boxes_of, corners_of, name_of

SHARES = "shares of the image: class, centre, width, height"


def classes_of(files: Files) -> tuple[str, ...] | None:
    """The names in a data.yaml, or in a classes.txt; None where there is neither."""
    for name, data in files.texts.items():
        path = PurePosixPath(name)
        if path.suffix in (".yaml", ".yml") and (found := _names(name, data)) is not None:
            return found
        if path.name in ("classes.txt", "obj.names"):
            return tuple(line.strip() for line in data.decode("utf-8-sig", "replace").splitlines() if line.strip())
    return None


def is_yolo(files: Files) -> bool:
    """Whether a text file has the name of an image, and there are names of classes."""
    return classes_of(files) is not None and any(_is_label(files, name) for name in files.texts)


def read_yolo(files: Files, classes: Sequence[str] | None) -> Found:
    """The labels of a tree, in shares of their images; official splits are from the folders.

    Args:
        classes: names by number, where they are not those of the files.

    Raises:
        SourceError: a line is not a class and four shares of the image.
    """
    names = classes or classes_of(files) or ()
    found = Found(splits=files.splits_by_folder())
    for name, data in files.texts.items():
        if not _is_label(files, name) and not _looks_like_label(name, data):
            continue
        image = files.image(PurePosixPath(name).stem, beside=name)
        lines = enumerate(data.decode("utf-8-sig", "replace").splitlines(), start=1)
        boxes = [_box(f"{name}, line {number}", line, names) for number, line in lines if line.strip()]
        found.add(image, name, Annotation.of(boxes))
    return found


def scaled(label: Any, size: tuple[int, int]) -> Annotation:
    """Boxes in pixels. Args: label: in shares; size: width and height of the upright image."""
    wide, high = size
    return Annotation.of(
        box._replace(xmin=box.xmin * wide, ymin=box.ymin * high, xmax=box.xmax * wide, ymax=box.ymax * high)
        for box in boxes_of(label)
    )


def _box(where: str, line: str, names: Sequence[str]) -> Box:
    parts = line.split()
    try:
        number, *shares = int(parts[0]), *map(float, parts[1:])
    except ValueError:
        number, shares = -1, []
    if len(shares) > 4 and len(shares) % 2 == 0:  # a polygon: its box goes around it
        xs, ys = shares[0::2], shares[1::2]
        shares = [(min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, max(xs) - min(xs), max(ys) - min(ys)]
    if len(shares) != 4 or not all(map(math.isfinite, shares)) or number < 0:
        raise SourceError(f"{where} is {line[:60]!r}, but a line has {SHARES}; correct it")
    if max(map(abs, shares)) > 2:
        raise SourceError(f"{where} is {line[:60]!r}, which are pixels, but a line has {SHARES}; divide by its size")
    return Box(name_of(where, number, names), *corners_of(where, shares, "cxcywh"))


def _is_label(files: Files, name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".txt" and files.image(path.stem, beside=name) is not None


def _looks_like_label(name: str, data: bytes) -> bool:
    """Whether a text file in a folder `labels` holds lines of numbers: its image may be missing."""
    path = PurePosixPath(name)
    words = data.split()
    return path.suffix == ".txt" and "labels" in path.parts and bool(words) and words[0].isdigit()


def _names(where: str, data: bytes) -> tuple[str, ...] | None:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        value: Any = YAML(typ="safe").load(data.decode("utf-8-sig"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise SourceError(f"{where} is not YAML ({' '.join(str(error).split())[:120]}); write it again") from error
    names = value.get("names") if isinstance(value, Mapping) else None
    if isinstance(names, Mapping):
        if sorted(names) != list(range(len(names))):
            raise SourceError(f"{where}: `names` has the numbers {sorted(names)}; number them from 0 without gaps")
        return tuple(str(names[number]) for number in range(len(names)))
    return tuple(map(str, names)) if isinstance(names, list) else None
