"""JSON objects one by one, in constant memory: one per line, printed over several lines, or in an array."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from finetrail.data.sources.columns import check_once
from finetrail.errors import SourceError

_CHUNK = 2**20
UNREADABLE = (RecursionError, OverflowError)
"""What is JSON, but nested too deep, or a number with too many digits, to be read."""
_SPACE = " \t\r\n"


class ObjectDecoder(json.JSONDecoder):
    """Decodes JSON, and tells the keys that an object has more than once: JSON allows them, but keeps the last value.

    Attributes:
        twice: such keys of the object decoded last.
    """

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=self._made, parse_int=_integer)
        self.twice: Sequence[str] = ()

    def _made(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Inner objects come first, the outermost last: its keys are those that stay.
        made = dict(pairs)
        counts = Counter(key for key, _ in pairs) if len(made) < len(pairs) else {}
        self.twice = [key for key, times in counts.items() if times > 1]
        return made


def _integer(digits: str) -> int:
    """Python reads no number of more than some thousand digits: the time for it grows with their square."""
    try:
        return int(digits)
    except ValueError:
        raise OverflowError(f"a number of {len(digits):,} digits") from None


def read_objects(path: Path, encoding: str, columns: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number, object): the number is the line's if each line is an object, otherwise the object's, from 1.

    Args:
        columns: the keys that no object may have twice.

    Raises:
        SourceError: something is not JSON or not an object, or a key appears twice; the message names the line.
    """
    decoder = ObjectDecoder()
    with path.open(encoding=encoding) as file:
        by_line = is_by_line(file)
        for number, value in _lines(path, file, decoder) if by_line else _values(path, file, decoder):
            where = f"{path.name}, {'line' if by_line else 'value'} {number}"
            if not isinstance(value, dict):
                raise SourceError(f"{where}: holds {json.dumps(value)[:40]!r}; one JSON object per line or per row")
            if decoder.twice:
                check_once(where, columns, [*decoder.twice] * 2)
            yield number, value


def is_by_line(file: TextIO) -> bool:
    """Whether each line is a value: not so in an array of objects, or if the first object ends on a later line.

    Rewinds the file.
    """
    head = file.read(_CHUNK).lstrip()
    file.seek(0)
    if head.startswith("["):  # the only line of an array may be the whole file
        return head[1:].lstrip()[:1] not in ("{", "]", "")
    first = next((line for line in file if line.strip()), "").strip()
    file.seek(0)
    try:
        ObjectDecoder().decode(first or "0")
    except json.JSONDecodeError as error:
        # At the end of the line: the rest of the object follows. Elsewhere the line itself is wrong.
        return error.pos < len(first) or error.msg == "Extra data"
    except UNREADABLE:
        pass
    return True


def _lines(path: Path, file: TextIO, decoder: ObjectDecoder) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            yield number, decoder.decode(line)
        except json.JSONDecodeError as error:
            raise SourceError(
                f"{path.name}, line {number}: not JSON ({error.msg} at column {error.colno}); one object per line"
            ) from error
        except UNREADABLE as error:
            raise SourceError(
                f"{path.name}, line {number}: not JSON that can be read ({error}); simplify it"
            ) from error


def _values(path: Path, file: TextIO, decoder: ObjectDecoder) -> Iterator[tuple[int, Any]]:
    """The values of an array, or those that follow each other."""
    buffer = _Buffer(path, file, decoder)
    inside = buffer.skip("[")
    number = 0
    while True:
        if inside and buffer.skip("]"):
            break
        if inside and number and not buffer.skip(","):
            raise buffer.error("Expecting ',' or ']'")
        if not buffer.peek():
            break
        number += 1
        yield number, buffer.value()
    if inside and not buffer.closed:
        raise buffer.error("the array does not end")
    if buffer.peek():
        raise buffer.error("Extra data")


class _Buffer:
    """A window of the file that holds the next value as a whole."""

    def __init__(self, path: Path, file: TextIO, decoder: ObjectDecoder) -> None:
        self._path, self._file, self._decoder = path, file, decoder
        self._text, self._at = "", 0
        self._line, self._before = 1, 0  # of the window's start: its line, and the characters before it there
        self.closed = False

    def peek(self) -> str:
        """The next character that is not white space; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text) or not self._more(_CHUNK):
                return self._text[self._at : self._at + 1]

    def skip(self, character: str) -> bool:
        """Pass over the next character if it is this one."""
        found = self.peek() == character
        self._at += found
        self.closed = self.closed or (found and character == "]")
        return found

    def value(self) -> Any:
        """The next value."""
        size = _CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                behind = error.pos - self._at
                if self._more(size):  # twice as much each time, so that a large value is not parsed too often
                    size *= 2
                    continue
                raise self.error(error.msg, self._at + behind) from error
            except UNREADABLE as error:
                raise self.error(str(error)) from error
            # A number at the end of the window may go on behind it.
            if end < len(self._text) or not self._more(size):
                self._at = end
                return value

    def error(self, what: str, at: int | None = None) -> SourceError:
        """Args: at: the place in the window; the current one by default."""
        at = self._at if at is None else at
        line = self._line + self._text.count("\n", 0, at)
        newline = self._text.rfind("\n", 0, at)
        column = at - newline + (self._before if newline < 0 else 0)
        return SourceError(
            f"{self._path.name}, line {line}: not JSON ({what} at column {column}); give one object per line, or an "
            "array of objects"
        )

    def _more(self, size: int) -> bool:
        read = self._file.read(size)
        if not read:
            return False
        self._line += self._text.count("\n", 0, self._at)
        newline = self._text.rfind("\n", 0, self._at)
        self._before = self._at - newline - 1 if newline >= 0 else self._before + self._at
        self._text, self._at = self._text[self._at :] + read, 0
        return True


def wrapped(path: Path, record: dict[str, Any]) -> str:
    """The command that takes the rows out of an object that wraps them, such as `{"data": [...]}`; else empty."""
    lists = [name for name, value in record.items() if isinstance(value, list) and value and isinstance(value[0], dict)]
    if not lists:
        return ""
    target = path.with_name(f"{path.stem}-rows.json")
    script = f"import json; json.dump(json.load(open({str(path)!r}))[{lists[0]!r}], open({str(target)!r}, 'w'))"
    return f'python -c "{script}"'
