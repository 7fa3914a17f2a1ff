"""Folders and archives whose labels are in files of their own, beside the images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from finetrail.data.sources.columns import OFFICIAL, SplitName

IMAGES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


@dataclass(frozen=True)
class Annotations:
    """What the annotation files of a tree say.

    Attributes:
        labels: by the name of the image in the tree.
        splits: official ones, by the same names.
        missing: labels of images that are not in the tree, by the name that the annotation gives.
        background: the label of an image that no annotation names; None where that is a row without a label.
        listed: whether only the images that `labels` names are rows.
        sized: makes a label of one in shares of the image and the image's width and height; None where labels are in
            pixels.
    """

    labels: Mapping[str, Any]
    splits: Mapping[str, SplitName] = field(default_factory=dict)
    missing: Mapping[str, Any] = field(default_factory=dict)
    background: Any = None
    listed: bool = False
    sized: Callable[[Any, tuple[int, int]], Any] | None = None


def is_image(name: str) -> bool:
    """Whether a file is an image by its name."""
    return name.lower().endswith(IMAGES)


def split_in(name: str) -> SplitName | None:
    """The official split that a folder above a file names; the innermost counts."""
    return next((OFFICIAL[part.lower()] for part in name.split("/")[-2::-1] if part.lower() in OFFICIAL), None)
