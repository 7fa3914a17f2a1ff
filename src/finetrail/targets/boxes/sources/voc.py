"""Pascal VOC: an XML file for each image, and lists of the images of each official split (Everingham et al. 2010)."""

from pathlib import PurePosixPath
from xml.etree import ElementTree

from finetrail.data.sources.annotation_files import Files, Found
from finetrail.errors import SourceError
from finetrail.targets.boxes.reading import CORNERS, Annotation, Box, name_of, number_of


def is_voc(files: Files) -> bool:
    """Whether a tree has annotations of this form: XML files in a folder Annotations, or beside images."""
    return any(name.lower().endswith(".xml") and b"<annotation" in data for name, data in files.texts.items())


def read_voc(files: Files) -> Found:
    """The labels of a tree. An image belongs to the annotation whose file has its name, else to the one that names it.

    Raises:
        SourceError: a file is not XML of this form.
    """
    found = Found(splits=files.splits_by_list())
    for name, data in files.texts.items():
        if not name.lower().endswith(".xml") or b"<annotation" not in data:
            continue
        said, label = read_annotation(name, data)
        stem = PurePosixPath(name).stem
        image = files.image(stem, beside=name) or files.image(PurePosixPath(said).stem, beside=name)
        found.add(image, name, label)
    return found


def read_annotation(name: str, data: bytes) -> tuple[str, Annotation]:
    """The name of the image that a file is about, and its boxes. Args: name: the file's, for messages."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise SourceError(f"{name} declares entities, which an annotation does not need; remove them")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - without entities it cannot expand
    except ElementTree.ParseError as error:
        raise SourceError(f"{name} is not XML ({error}); write it again") from error
    size = root.find("size")
    drawn = None if size is None else (_whole(size.findtext("width")), _whole(size.findtext("height")))
    boxes = [_box(name, one) for one in root.iter("object")]
    return root.findtext("filename") or "", Annotation.of(boxes, drawn)


def _box(name: str, found: ElementTree.Element) -> Box:
    label = name_of(name, found.findtext("name"), None)
    corners = found.find("bndbox")
    if corners is None:
        raise SourceError(f"{name}: an object {label!r} has no <bndbox>; draw its box, or remove it")
    left, top, right, bottom = (number_of(f"{name}: <{edge}> of {label!r}", corners.findtext(edge)) for edge in CORNERS)
    return Box(label, left, top, right, bottom)


def _whole(text: str | None) -> int:
    try:
        return int(float(text or 0))
    except (ValueError, OverflowError):
        return 0
