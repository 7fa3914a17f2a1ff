"""How a CSV or TSV file is written: section `source.csv` of params.yaml, and what holds for one file."""

import codecs
import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import field_validator

from finetrail.settings import Settings

UTF8 = "utf-8-sig"
"""UTF-8; a byte order mark at the start is not part of the text."""
_NAMES = {",": "','", ";": "';'", "\t": "tab", "|": "'|'", " ": "space"}


class CsvSettings(Settings):
    """How CSV and TSV files are written. `auto` detects it, and refuses a file that has two readings.

    Attributes:
        delimiter: the character between two fields.
        quoting: `standard`: a field that begins with `"` ends with `"`, and may hold delimiters and line ends; `none`:
            a quote is a character like any other, and every line is a row.
        header: whether the first line names the columns; if not, `source.columns` holds positions from 1. `auto` is a
            header that has every column of `source.columns`.
        encoding: a name that Python knows; `auto` is UTF-8, or UTF-16 or UTF-32 with a byte order mark.
        decimal: the character before the fraction of a number.
    """

    delimiter: str = "auto"
    quoting: Literal["auto", "standard", "none"] = "auto"
    header: Literal["auto"] | bool = "auto"
    encoding: str = "auto"
    decimal: Literal["auto", ".", ","] = "auto"

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        if value != "auto" and (len(value) != 1 or value in '"\r\n'):
            raise ValueError(f'{value!r} is not one character; use "," ";" "|" "\\t" (in double quotes), or auto')
        return value

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            codec = codecs.lookup("utf-8" if value == "auto" else value)
        except LookupError:
            codec = None
        if codec is None or not codec._is_text_encoding:
            raise ValueError(f"encoding {value!r} is unknown; use utf-8, utf-16, windows-1252, or auto")
        return UTF8 if codec.name == "utf-8" and value != "auto" else value


AUTO = CsvSettings()


@dataclass(frozen=True)
class Dialect:
    """How one file is written.

    Attributes:
        quoted: whether `"` encloses fields; if not, it is a character like any other.
        header: whether the first line names the columns.
        preamble: lines before the header, such as the `sep=;` of Excel.
    """

    delimiter: str = ","
    quoted: bool = True
    header: bool = True
    encoding: str = UTF8
    preamble: int = 0

    def without_quotes(self) -> "Dialect":
        """The same, with `"` as a character like any other."""
        return replace(self, quoted=False)

    def records(self, lines: Iterable[str]) -> "Any":
        """A strict `csv.reader` over the lines of a file, the preamble skipped."""
        # Text columns may hold whole documents; the module's own limit is 128 KiB per field.
        csv.field_size_limit(2**31 - 1)
        rest = iter(lines)
        for _ in range(self.preamble):
            next(rest, "")
        if self.quoted:
            return csv.reader(rest, delimiter=self.delimiter, strict=True)
        return csv.reader(rest, delimiter=self.delimiter, quoting=csv.QUOTE_NONE, strict=True)

    def names(self, records: "Iterator[list[str]]") -> "tuple[list[str], Iterator[list[str]]]":
        """Return the names of the columns, and the records below the header; without one, names are positions."""
        first = next(filter(None, records), [])  # behind blank lines
        if self.header:
            return first, records
        return [str(place) for place in range(1, len(first) + 1)], _behind(first, records)

    def __str__(self) -> str:
        quoting = "quoting standard" if self.quoted else "quoting none"
        encoding = "utf-8" if self.encoding == UTF8 else self.encoding
        return f"delimiter {named(self.delimiter)}, {quoting}, {'a' if self.header else 'no'} header, {encoding}"


def named(delimiter: str) -> str:
    """A delimiter, for messages."""
    return _NAMES.get(delimiter, repr(delimiter))


def _behind(first: list[str], records: Iterator[list[str]]) -> Iterator[list[str]]:
    if first:
        yield first
    yield from records
