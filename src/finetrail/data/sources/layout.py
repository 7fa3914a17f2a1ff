"""What the folders above a file tell: its label and its official split."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from finetrail.data.sources.columns import OFFICIAL, SplitName
from finetrail.errors import SourceError

Folders = tuple[str, ...]

_LITTER = {"__macosx", "thumbs.db", "desktop.ini"}
_DRIVE = re.compile(r"[A-Za-z]:(/|$)")


@dataclass(frozen=True)
class Layout:
    """How to read the folders of one tree.

    Attributes:
        wrapping: the folders that hold all others.
        official: whether the next level names the splits. If so, the level below it names the labels; if not, it does.
        split: the split of the whole tree, if the user gave one.
    """

    wrapping: Folders
    official: bool
    split: SplitName | None

    def place(self, folders: Folders) -> tuple[str | None, SplitName | None] | None:
        """Return label and split of a file in these folders; None if it belongs to a split other than the given one."""
        inside = folders[: len(self.wrapping)] == self.wrapping
        below = folders[len(self.wrapping) :] if inside else ()
        if not self.official:
            return (below[0] if below else None), self.split
        named = OFFICIAL.get(below[0].lower()) if below else None
        if self.split is not None and named != self.split:
            return None
        return (below[1] if len(below) > 1 else None), named

    def class_folder(self, folders: Folders) -> Folders:
        """Return the folder that names the label of a file in these folders; empty if none does."""
        depth = len(self.wrapping) + (2 if self.official else 1)
        inside = folders[: len(self.wrapping)] == self.wrapping
        return folders[:depth] if inside and len(folders) >= depth else ()


def find_layout(name: str, folders: Iterable[Folders], split: SplitName | None) -> Layout:
    """Find the level that names the official splits, or else the labels.

    `cifar10/train/cat/1.jpg`, `train/cat/1.jpg`, `photos/cat/1.jpg` and `cat/white/1.jpg` (label cat) are all common.

    Args:
        name: the tree's, for messages.
        folders: those of every file.
        split: the official split of the whole tree, if the user gave one.

    Raises:
        SourceError: no file is in a class folder, or it is unclear which folders are the splits.
    """
    known = {one for one in folders if one}
    wrapping: Folders = ()
    while True:
        below = [one[len(wrapping) :] for one in known if len(one) > len(wrapping)]
        tops = {one[0] for one in below}
        deep = {one[0] for one in below if len(one) > 1}
        named = {top for top in deep if top.lower() in OFFICIAL}
        all_named = bool(tops) and all(top.lower() in OFFICIAL for top in tops)
        if not tops or (all_named and not deep):
            where = " and ".join(sorted(tops)) or "it"
            raise SourceError(
                f"{name!r} has no class folders in {where}; lay the files out as <label>/<name> or "
                "<split>/<label>/<name>, or give a table with a column of labels"
            )
        if named and (all_named or (named == deep and len(named) > 1)):
            splits = {OFFICIAL[top.lower()] for top in named}
            if split is None or split in splits:
                return Layout(wrapping, True, split)
            if len(tops) > 1:
                raise SourceError(
                    f"{name!r} is given as {split}, but has the splits {', '.join(sorted(splits))}; give it as "
                    "source.path, or name a folder of one split"
                )
        elif len(named) > 1:
            others = ", ".join(sorted(deep - named))
            raise SourceError(
                f"{name!r} has the folders {', '.join(sorted(named))} of official splits, and others: {others}; "
                f"remove the others, or rename them to one of {', '.join(OFFICIAL)}"
            )
        if len(tops) > 1 or not deep:
            return Layout(wrapping, False, split)
        wrapping = (*wrapping, *tops)


def folders_of(name: str) -> tuple[Folders, bool]:
    """Return the folders above a file, and whether to skip it: hidden, or left behind by a file manager."""
    names = name.split("/")
    litter = any(one.startswith(".") or one.casefold() in _LITTER for one in names)
    return tuple(names[:-1]), litter


def plain_name(where: str, name: str) -> str:
    """Return a member's name without `.` and doubled slashes, as text that can be stored.

    Raises:
        SourceError: it leads out of its folder.
    """
    unix = name.replace("\\", "/")  # as some archives from Windows have it
    kept = [part for part in unix.split("/") if part not in ("", ".")]
    if ".." in kept or unix.startswith("/") or _DRIVE.match(unix):
        raise SourceError(
            f"{where}: {shown(name)!r} leads out of its folder; it must be a relative name without `..`; "
            "nothing was read from there"
        )
    return shown("/".join(kept))


def shown(name: str) -> str:
    """A file's name as text, with bytes that are not UTF-8 escaped."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
