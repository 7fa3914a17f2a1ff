"""Which image files are masks, and of which image: by their folders and names."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from posixpath import commonpath

from finetrail.data.sources.annotated import split_in
from finetrail.data.sources.annotation_files import Files
from finetrail.data.sources.columns import OFFICIAL

_MASKS = {"mask", "label", "annotation", "annot", "gt", "groundtruth", "segmentation", "segmentationclass"}
_IMAGES = {"image", "img", "photo"}
_OBJECTS = "segmentationobject"  # of VOC: the same masks with a colour for each object
_MASK_ENDS = re.compile(
    r"(_gt(Fine|Coarse)_label(Train)?Ids|[_-](mask|label|gt|seg|segmentation|annotation)s?([_-]?\d+)?|_L)$",
    re.IGNORECASE,
)
_IMAGE_ENDS = ("", "_image", "_img", "_sat", "_leftImg8bit")
_ALSO = re.compile(r"_gt(Fine|Coarse)_(color|instanceIds|labelTrainIds)$")
"""Cityscapes' files beside those of classes."""


def divided(images: Sequence[str]) -> tuple[list[str], list[str]]:
    """The images and the masks among image files, in their order.

    The innermost folder with a telling name says what its files are, but for those that hold all files; else a mask has
    the name of an image and an ending such as `_mask`.
    """
    stems = {PurePosixPath(name).stem for name in images}
    folders = {
        path.as_posix(): path.parent for path in map(PurePosixPath, images) if not _is_said_twice(path.stem, stems)
    }
    wrapping = len(PurePosixPath(commonpath(folders.values())).parts) if folders else 0
    kinds = {name: _kind(above.parts[wrapping:]) for name, above in folders.items()}
    by_name = {name for name, kind in kinds.items() if kind is None and _is_named(PurePosixPath(name).stem, stems)}
    masks = [name for name, kind in kinds.items() if kind == "mask" or name in by_name]
    others = [name for name, kind in kinds.items() if kind in ("image", None) and name not in by_name]
    return others, masks


def images_of(files: Files, masks: Iterable[str], classes: Sequence[str] = ()) -> Iterator[tuple[str, str | None]]:
    """Each mask, and the image that it is of; None where that is not there.

    Args:
        files: the images, without the masks.
        classes: whose names may stand at the end of a mask's.
    """
    alone = _alone(files.images)
    for mask in masks:
        stem = PurePosixPath(mask).stem
        bare = _MASK_ENDS.sub("", stem)
        names = [stem, *(f"{bare}{end}" for end in _IMAGE_ENDS)]
        if (named := class_of(mask, classes)) and bare.lower().endswith(named.lower()):
            names.append(bare[: -len(named)].rstrip("_-"))
        image = next((found for name in names if (found := files.image(name, beside=mask))), None)
        image = image or next((alone[folder] for folder in _above(mask) if folder in alone), None)
        yield mask, image if image is None or split_in(mask) == split_in(image) else None


def class_of(mask: str, classes: Sequence[str]) -> str | None:
    """The class that the folder of a mask, or the end of its name, says that it is of."""
    path = PurePosixPath(mask.lower())
    bare = _MASK_ENDS.sub("", path.stem)
    return next((one for one in classes if path.parent.name == one.lower() or _ends(bare, one.lower())), None)


def _ends(stem: str, name: str) -> bool:
    return stem.endswith((f"_{name}", f"-{name}"))


def _is_said_twice(stem: str, stems: set[str]) -> bool:
    """Whether a file of Cityscapes says in another way what a file of classes does."""
    match = _ALSO.search(stem)
    return match is not None and (match[2] != "labelTrainIds" or _ALSO.sub(r"_gt\1_labelIds", stem) in stems)


def _alone(images: Sequence[str]) -> dict[PurePosixPath, str]:
    """Each folder with a single image in it or below, where there are others elsewhere, and that image."""
    counts = Counter(folder for image in images for folder in _above(image) if folder.name.lower() not in OFFICIAL)
    return {folder: image for image in images for folder in _above(image) if counts[folder] == 1 < len(images)}


def _above(name: str) -> Sequence[PurePosixPath]:
    """The folders above a file, the nearest first."""
    return PurePosixPath(name).parents[:-1]


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
