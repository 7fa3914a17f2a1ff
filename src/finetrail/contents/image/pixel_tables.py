"""Tables of grey values, one image a line: MNIST and its kin as CSV."""

import csv
import gzip
import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from finetrail.data.sources.columns import Columns
from finetrail.errors import ConfigError, SourceError

MOST_LINE = 8 * 2**20  # characters: an image of 1024 x 1024 has at most half of them
MOST_TIMES = 100  # a file may expand to so many times its size, or to FREE_OF_RATIO if that is more
FREE_OF_RATIO = 64 * 2**20  # characters


def read_pixels(
    path: Path, columns: Columns, free_of_ratio: int = FREE_OF_RATIO
) -> Iterator[tuple[int, dict[str, Any], bytes]]:
    """Yield (number from 1, named fields, PNG) for each line of a CSV file, which may be compressed with gzip.

    A header names the columns of labels, group and split; all others are grey values 0..255, row by row. Without a
    header the label is in the last column, or in the first if `columns.label` says `first`.

    Args:
        free_of_ratio: characters that a file may expand to, however small it is.

    Raises:
        ConfigError: the columns name a group, a split or several labels, but there is no header.
        SourceError: the values do not form a square grey image, or the file cannot be read.
    """
    for line in _lines(path, columns, free_of_ratio, labelled=True):
        if line.problem:
            raise SourceError(f"{path.name}, line {line.line}: {line.problem}")
        yield line.number, dict(line.named), line.image


def read_unlabelled(path: Path, columns: Columns) -> Iterator[tuple[int, bytes, str]]:
    """Yield (number from 1, PNG, problem) for each line of such a file, labelled or not; PNG or problem is empty.

    Raises:
        ConfigError: the columns name a group or a split, but there are labels and no header.
        SourceError: the first line does not form a square grey image, or the file cannot be read.
    """
    return ((line.number, line.image, line.problem) for line in _lines(path, columns, FREE_OF_RATIO, labelled=False))


class _Line(NamedTuple):
    """An image of the file. Attributes: line: in the file, from 1. number: among the images, from 1."""

    line: int
    number: int
    named: dict[str, str]
    image: bytes
    problem: str


def _lines(path: Path, columns: Columns, free: int, *, labelled: bool) -> Iterator[_Line]:
    try:
        most = max(free, MOST_TIMES * path.stat().st_size)
        opener: Any = gzip.open if path.name.lower().endswith(".gz") else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
            yield from _parsed(path, file, columns, most, labelled=labelled)
    except csv.Error as error:
        raise SourceError(
            f"{path.name} is not a table of numbers ({error}); each line must hold grey values"
        ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(f"{path.name} is not a complete gzip file ({error}); copy or download it again") from error
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path.name} is not UTF-8 ({error.reason}); it must be a table of numbers as text"
        ) from error


def _parsed(path: Path, file: IO[str], columns: Columns, most: int, *, labelled: bool) -> Iterator[_Line]:
    """Args: most: characters."""
    names: dict[int, str] = {}
    fields: list[str] = []
    number = length = width = side = 0
    for line, text in enumerate(iter(lambda: file.readline(MOST_LINE), ""), start=1):
        length += len(text)
        if length > most:
            raise SourceError(f"{path.name} expands to more than {most:,} characters; check where it comes from")
        fields = next(csv.reader([text]), [])
        if not fields:
            continue
        if not width:
            header = any(label in fields for label in columns.labels) or not all(map(_numeric, fields[1:-1]))
            names = (_named if header else _placed)(path, fields, columns, labelled=labelled)
            width, side = len(fields), _side(path, len(fields) - len(names))
            if header:
                continue
        number += 1
        named = {name: fields[position].strip() for position, name in names.items() if position < len(fields)}
        try:
            if len(fields) != width:
                raise ValueError(f"{len(fields)} fields, but the first line has {width}")
            image = grey_png(_bytes([field for at, field in enumerate(fields) if at not in names]), side)
        except ValueError as error:
            yield _Line(line, number, named, b"", str(error))
        else:
            yield _Line(line, number, named, image, "")
    if number == 0 and labelled:
        raise SourceError(f"{path.name} has no rows; it needs a line of grey values and a label for each image")


def grey_png(pixels: bytes, side: int) -> bytes:
    """A square grey image as PNG without compression, so that its bytes depend on the pixels alone.

    Args:
        pixels: side * side grey values, row by row.
    """
    lines = b"".join(b"\0" + pixels[start : start + side] for start in range(0, side * side, side))
    blocks = [lines[start : start + 0xFFFF] for start in range(0, len(lines), 0xFFFF)]
    stored = b"".join(
        struct.pack("<BHH", number == len(blocks), len(block), len(block) ^ 0xFFFF) + block
        for number, block in enumerate(blocks, start=1)
    )
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    data = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(lines))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _named(path: Path, header: list[str], columns: Columns, *, labelled: bool) -> dict[int, str]:
    """The header's columns that are not pixels, by position."""
    wanted = [*columns.labels, *columns.beside]
    wrong = [name for name in wanted if header.count(name) > 1 or (labelled and name not in header)]
    if wrong:
        known = ", ".join(map(repr, header[:3]))
        raise SourceError(
            f"{path.name}: {header.count(wrong[0])} columns are called {wrong[0]!r}; the header starts with {known}; "
            "set source.columns"
        )
    return {header.index(name): name for name in wanted if name in header}


def _placed(path: Path, fields: list[str], columns: Columns, *, labelled: bool) -> dict[int, str]:
    if not labelled and math.isqrt(len(fields)) ** 2 == len(fields):
        return {}
    if columns.beside:
        raise ConfigError(
            f"{path.name} has no header, so source.columns.group, split and metadata name nothing; leave them out"
        )
    if len(columns.labels) > 1:
        raise ConfigError(f"{path.name} has no header, so source.columns cannot name several labels; name one")
    label = columns.labels[0]
    return {0 if label == "first" else len(fields) - 1: label}


def _side(path: Path, values: int) -> int:
    side = math.isqrt(values)
    if values == 0 or side * side != values:
        raise SourceError(
            f"{path.name}: {values} grey values per line do not make a square image; each line must hold side x side "
            "values and its label; set source.columns"
        )
    return side


def _bytes(fields: list[str]) -> bytes:
    """Raises: ValueError: one is not a whole number from 0 to 255."""
    try:
        return bytes(map(int, fields))
    except ValueError:
        pass
    numbers = [float(field) if _numeric(field) else math.nan for field in fields]
    wrong = next((n for n, value in enumerate(numbers) if not (0 <= value <= 255 and value == int(value))), None)
    if wrong is not None:
        raise ValueError(f"{fields[wrong][:40]!r} is not a grey value; use whole numbers from 0 to 255")
    return bytes(map(int, numbers))


def _numeric(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True
