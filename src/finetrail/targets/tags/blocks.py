"""Files in which a blank line ends a sentence: their blocks of lines, and the documents that comments open."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from finetrail.data.sources.lines import read_lines

NEW_DOCUMENT = "-DOCSTART-"
_NEWDOC = re.compile(r"#\s*newdoc(?:\s+id\s*=\s*(\S.*))?\s*")


class Block(NamedTuple):
    """The lines between two blank ones; `line` is the number of the first of `lines`."""

    line: int
    comments: list[str]
    lines: list[str]


def read_blocks(path: Path, is_comment: Callable[[str], bool]) -> Iterator[Block]:
    """Yield the blocks that have lines; comments stand before the lines, those without lines go to the next block."""
    comments: list[str] = []
    lines: list[str] = []
    start = 0
    for number, line in read_lines(path):
        opens = line.startswith(NEW_DOCUMENT)
        if lines and (opens or not line.strip(" \t")):
            yield Block(start, comments, lines)
            comments, lines = [], []
        if opens or (not lines and is_comment(line)):
            comments.append(line)
        elif line.strip(" \t"):
            start = start if lines else number
            lines.append(line)
    if lines:
        yield Block(start, comments, lines)


class Documents:
    """Which document a sentence belongs to."""

    def __init__(self) -> None:
        self._seen = 0
        self._current: str | None = None

    def of(self, comments: Iterable[str]) -> str | None:
        """The document of the sentence that has these comments; the next ones belong to it too."""
        for comment in comments:
            found = _NEWDOC.fullmatch(comment)
            if found or comment.startswith(NEW_DOCUMENT):
                self._seen += 1
                self._current = (found[1] if found else None) or f"doc {self._seen}"
        return self._current
