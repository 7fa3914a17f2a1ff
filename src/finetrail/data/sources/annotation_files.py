"""The files of a folder or an archive: the annotations with their contents, the images by their names."""

from collections import defaultdict
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from finetrail.data.sources.annotated import is_image, split_in
from finetrail.data.sources.columns import OFFICIAL, SplitName
from finetrail.data.sources.layout import folders_of
from finetrail.data.sources.trees import Tree

TEXTS = (".xml", ".json", ".jsonl", ".txt", ".yaml", ".yml", ".csv")
_LISTS = "ImageSets"


@dataclass
class Found:
    """What annotation files say.

    Attributes:
        labels, splits: labels and official splits by image.
        missing: labels of images that are not there, by the name that is given.
    """

    labels: MutableMapping[str, Any] = field(default_factory=dict)
    missing: dict[str, Any] = field(default_factory=dict)
    splits: dict[str, SplitName] = field(default_factory=dict)

    def add(self, image: str | None, name: str, label: Any) -> None:
        """Args: image: None where it is not there; name: by which it is given."""
        if image:
            self.labels[image] = label
        else:
            self.missing[name] = label


@dataclass
class Files:
    """The files of a tree.

    Attributes:
        texts: contents of what may be an annotation, by name.
        images: names, in the order of the tree.
    """

    texts: dict[str, bytes]
    images: list[str]
    _by_stem: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for name in self.images:
            path = PurePosixPath(name)
            for known in {path.stem, path.name}:
                self._by_stem[known].append(name)

    @staticmethod
    def of(tree: Tree) -> "Files":
        """Read a tree once; images are not kept."""
        texts, images = {}, []
        for name, data in tree.read(tree.path):
            if folders_of(name)[1]:
                continue
            if is_image(name):
                images.append(name)
            elif name.lower().endswith(TEXTS):
                texts[name] = data
        return Files(texts, images)

    def image(self, known: str, beside: str) -> str | None:
        """The image of a name with or without ending and folders; of several, that nearest to another file.

        Args:
            beside: the file that names it.
        """
        found = self._by_stem.get(PurePosixPath(known.replace("\\", "/")).name, [])
        if len(found) < 2:
            return found[0] if found else None
        exact = known.replace("\\", "/").lstrip("./")
        return max(found, key=lambda name: (name.endswith(exact), _shared(name, beside)))

    def splits_by_folder(self) -> dict[str, SplitName]:
        """The official splits that folders above images name."""
        return {image: split for image in self.images if (split := split_in(image)) is not None}

    def splits_by_list(self, kind: str = "") -> dict[str, SplitName]:
        """Official splits by image, from Pascal VOC's ImageSets/Main/{train,val,test}.txt. Args: kind: of lists."""
        found: dict[str, SplitName] = {}
        for name, data in self.texts.items():
            path = PurePosixPath(name)
            if path.suffix != ".txt" or _LISTS not in path.parts or path.stem.lower() not in OFFICIAL:
                continue
            if kind and kind not in path.parts:
                continue
            for line in data.decode("utf-8-sig", "replace").split("\n"):
                words = line.split()
                image = self.image(words[0], beside=name) if words else None
                if image:
                    found[image] = OFFICIAL[path.stem.lower()]
        return found


def _shared(one: str, other: str) -> int:
    """How many of the folders of two files agree, in whatever order: images/train/a.jpg and labels/train/a.txt."""
    return len(set(PurePosixPath(one).parts[:-1]) & set(PurePosixPath(other).parts[:-1]))
