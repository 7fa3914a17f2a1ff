"""Folders and archives with a folder for each class: every file is a row, or is named as passed over."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from finetrail.data.sources.archives import member_names, read_members
from finetrail.data.sources.columns import SplitName, Tell
from finetrail.data.sources.folders import file_names, folder_names, read_files
from finetrail.data.sources.layout import Folders, Layout, find_layout, folders_of
from finetrail.errors import SourceError


class File(NamedTuple):
    """A file that is a row. Attributes: number: among all files, from 1; label: None for a file beside the classes."""

    number: int
    name: str
    data: bytes
    label: str | None
    split: SplitName | None


@dataclass(frozen=True)
class Tree:
    """A folder or an archive.

    Attributes:
        names, read: yield the names of its files, and their bytes with them.
        folders: the names of its folders, if it can have empty ones.
    """

    path: Path
    names: Callable[[Path], Iterator[str]]
    read: Callable[[Path], Iterator[tuple[str, bytes]]]
    folders: Callable[[Path], Iterable[str]]

    @classmethod
    def at(cls, path: Path) -> "Tree":
        """The tree at a path: of a folder, or of an archive."""
        if path.is_dir():
            return cls(path, file_names, read_files, folder_names)
        return cls(path, member_names, read_members, lambda _: ())

    def rows(self, split: SplitName | None, tell: Tell, accepts: Callable[[str], bool], kind: str) -> Iterator[File]:
        """Yield the files that are rows, in the order of the tree; then tell what was passed over.

        Args:
            accepts: whether a file of this name can be a row; the others are passed over.
            kind: what the others are not, for people.

        Raises:
            SourceError: no file is in a class folder, or it is unclear which folders are the splits.
        """
        layout = find_layout(self.path.name, self._above(accepts, kind), split)
        hidden, others = _Passed(), _Passed()
        full: Counter[Folders] = Counter()
        for number, (name, data) in enumerate(self.read(self.path), start=1):
            folders = _folders(name)
            if folders is None:
                hidden.add(name)
            elif not accepts(name):
                others.add(name)
            elif (placed := layout.place(folders)) is not None:
                full[layout.class_folder(folders)] += 1
                yield File(number, name, data, *placed)
        for passed, what in ((hidden, "hidden or left by a file manager"), (others, f"not {kind}")):
            if passed.count:
                tell(f"{self.path.name}: passed over {passed.count} files that are {what}, such as {passed.first!r}")
        self._tell_empty(layout, set(full), tell)

    def _above(self, accepts: Callable[[str], bool], kind: str) -> set[Folders]:
        """The folders above the files that can be rows."""
        above: set[Folders] = set()
        others = _Passed()
        for name in self.names(self.path):
            folders = _folders(name)
            if folders is not None and accepts(name):
                above.add(folders)
            elif folders is not None:
                others.add(name)
        if others.count and not above:
            raise SourceError(
                f"{self.path.name!r} holds no {kind}, but {others.count} other files, such as {others.first!r}; rename "
                "them, or give a table"
            )
        return above

    def _tell_empty(self, layout: Layout, full: set[Folders], tell: Tell) -> None:
        found = (_folders(f"{name}/x") for name in self.folders(self.path))
        classes = {layout.class_folder(one) for one in found if one is not None and layout.place(one) is not None}
        for empty in sorted(one for one in classes - full if one):
            tell(f"{self.path.name}: class folder {'/'.join(empty)!r} has no row")


@dataclass
class _Passed:
    """Files that are no rows. Attributes: first: its name."""

    count: int = 0
    first: str = ""

    def add(self, name: str) -> None:
        self.first = self.first or name
        self.count += 1


def _folders(name: str) -> Folders | None:
    """The folders above a file; None if it is hidden or left by a file manager."""
    folders, litter = folders_of(name)
    return None if litter else folders
