"""The files of a folder or an archive: the annotations with their contents, the images by their names."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from finetrail.data.sources.annotated import is_image
from finetrail.data.sources.layout import folders_of
from finetrail.data.sources.trees import Tree

TEXTS = (".xml", ".json", ".jsonl", ".txt", ".yaml", ".yml", ".csv")


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


def _shared(one: str, other: str) -> int:
    """How many of the folders of two files agree, in whatever order: images/train/a.jpg and labels/train/a.txt."""
    return len(set(PurePosixPath(one).parts[:-1]) & set(PurePosixPath(other).parts[:-1]))
