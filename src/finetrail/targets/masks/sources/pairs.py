"""Which image files are masks, and of which image: by their folders and names."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from posixpath import commonpath

from finetrail.data.sources.annotated import split_in
from finetrail.data.sources.annotation_files import Files
from finetrail.errors import SourceError

_MASKS = {"mask", "label", "annotation", "annot", "gt", "groundtruth", "segmentation", "segmentationclass"}
_IMAGES = {"image", "img", "photo"}
_OBJECTS = "segmentationobject"  # of VOC: the same masks with a colour for each object
_MASK_ENDS = re.compile(r"([_-](mask|label|gt|seg|segmentation|annotation)s?|_L)$", re.IGNORECASE)
_IMAGE_ENDS = ("", "_image", "_img", "_sat")


def divided(images: Iterable[str]) -> tuple[list[str], list[str]]:
    """The images and the masks among image files, in their order.

    The innermost folder with a telling name says what its files are, but for those that hold all files; else a mask has
    the name of an image and an ending such as `_mask`.
    """
    folders = {name: PurePosixPath(name).parent for name in images}
    wrapping = len(PurePosixPath(commonpath(folders.values())).parts) if folders else 0
    kinds = {name: _kind(above.parts[wrapping:]) for name, above in folders.items()}
    stems = {PurePosixPath(name).stem for name in kinds}
    by_name = {name for name, kind in kinds.items() if kind is None and _is_named(PurePosixPath(name).stem, stems)}
    masks = [name for name, kind in kinds.items() if kind == "mask" or name in by_name]
    others = [name for name, kind in kinds.items() if kind in ("image", None) and name not in by_name]
    return others, masks


def images_of(files: Files, masks: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Each mask, and the image that it is of; None where that is not there.

    Args:
        files: the images, without the masks.

    Raises:
        SourceError: an image has two masks.
    """
    taken: dict[str, str] = {}
    for mask in masks:
        stem = PurePosixPath(mask).stem
        bare = _MASK_ENDS.sub("", stem)
        names = [stem, *(f"{bare}{end}" for end in _IMAGE_ENDS)]
        image = next((found for name in names if (found := files.image(name, beside=mask))), None)
        if image is not None and split_in(mask) != split_in(image):
            image = None
        if image in taken:
            raise SourceError(
                f"{image!r} has two masks, {taken[image]!r} and {mask!r}; put all that is in the image into one"
            )
        if image is not None:
            taken[image] = mask
        yield mask, image


def _kind(folders: Sequence[str]) -> str | None:
    for folder in folders[::-1]:
        words = [word.lower() for word in re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", folder)] or [""]
        whole = "".join(words)
        known = {words[-1], words[-1].removesuffix("s"), whole}
        if whole == _OBJECTS:
            return "objects"
        if known & _MASKS or whole.endswith("annot"):
            return "mask"
        if known & _IMAGES:
            return "image"
    return None


def _is_named(stem: str, stems: set[str]) -> bool:
    bare = _MASK_ENDS.sub("", stem)
    return bare != stem and any(f"{bare}{end}" in stems for end in _IMAGE_ENDS)
