"""Read the files of a folder one by one; refuse links that lead out of it."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from finetrail.data.sources.layout import shown
from finetrail.errors import SourceError

MOST_BYTES = 256 * 2**20
"""The limit for one file that becomes a row, such as an image."""
# DVC may replace the files that it tracks with links into its cache, where the name is the content's hash.
_DVC_CACHE = re.compile(r"/files/md5/[0-9a-f]{2}/[0-9a-f]{30}$")


def file_names(root: Path) -> Iterator[str]:
    """Yield the names of all files below a folder, relative to it, in sorted order.

    Raises:
        SourceError: a linked folder, a link that leads out of `root`, or something that is not a file.
    """
    return (name for name, _ in _walk(root))


def read_files(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every file below a folder, sorted. Raises: as `file_names`; a file is too large."""
    for name, path in _walk(root):
        yield name, read_file(path, name)


def read_file(path: str | Path, name: str) -> bytes:
    """Return the bytes of a file, up to the limit. Args: name: for the message."""
    with open(path, "rb") as file:  # noqa: PTH123  (a Path for each of 60,000 files takes longer than reading them)
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise SourceError(f"{name!r} has more than {MOST_BYTES:,} bytes, the limit for a row; remove it")
    return data


def check_link(path: Path | str, root: Path, name: str) -> None:
    """Refuse a file whose real path is outside `root`, which must be resolved.

    Raises:
        SourceError: it is outside, or the link is broken or circular.
    """
    real = Path(os.path.realpath(path))
    if not real.exists() or not (real.is_relative_to(root) or _DVC_CACHE.search(real.as_posix())):
        raise SourceError(f"{name!r} is a link that leads out of {root.name!r} or nowhere; put the file itself there")


def _walk(root: Path) -> Iterator[tuple[str, str]]:
    """Name and path of every file, depth first, each folder in sorted order."""
    real = root.resolve()
    waiting = [("", _sorted(root))]  # the remaining entries of each open folder, the next one last
    while waiting:
        above, entries = waiting[-1]
        if not entries:
            waiting.pop()
            continue
        entry = entries.pop()
        name = shown(above + entry.name)
        if entry.is_symlink():
            if os.path.isdir(entry.path):  # noqa: PTH112
                raise SourceError(f"{name!r} is a link to a folder; put the folder itself there")
            check_link(entry.path, real, name)
        if entry.is_dir():
            waiting.append((f"{above}{entry.name}/", _sorted(entry.path)))
        elif stat.S_ISREG(entry.stat().st_mode):
            yield name, entry.path
        else:
            raise SourceError(f"{name!r} is a pipe, socket or device, not a file; remove it")


def _sorted(folder: Path | str) -> "list[os.DirEntry[str]]":
    with os.scandir(folder) as found:
        return sorted(found, key=lambda entry: entry.name, reverse=True)
