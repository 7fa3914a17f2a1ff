"""What a column of a table holds, counted row by row in bounded memory."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from finetrail.data.canonical import is_missing
from finetrail.data.sources.annotated import is_image

MOST = 2000
"""Distinct values that are counted; a column with more has `many`."""
MOSTLY = 0.95
"""The share of values that makes a column of one kind."""
_MOST_WORDS = 1000
_SHORT = 40  # characters of the longest number or date
_WHOLE = re.compile(r"\s*[+-]?\d+(\.0+)?\s*")
_NUMBER = re.compile(r"\s*[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?\s*")
_DAY = r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})"
_DATE = re.compile(rf"\s*{_DAY}([T ]\d{{1,2}}:\d{{2}}(:\d{{2}}([.,]\d+)?)?.{{0,6}})?\s*")
_KINDS: dict[type, str] = {bool: "boolean", int: "whole", date: "date", dict: "mapping"}
_ADDRESS = re.compile(r"\s*(https?://|www\.)\S+\s*|\s*[^@\s]+@[^@\s]+\.\w+\s*", re.IGNORECASE)


def kind_of(value: Any) -> str:
    """The kind of a value that is not missing; numbers, dates and addresses may be written as text."""
    if isinstance(value, str):
        return _kind_of_text(value)
    if isinstance(value, float):
        return "whole" if value.is_integer() else "fraction"
    if isinstance(value, list | tuple):
        return "list of mappings" if value and isinstance(value[0], dict) else "list"
    return next((name for kind, name in _KINDS.items() if isinstance(value, kind)), type(value).__name__)


def _kind_of_text(text: str) -> str:
    if len(text) <= _SHORT:
        if _WHOLE.fullmatch(text):
            return "whole"
        if _DATE.fullmatch(text):
            return "date"
        if _NUMBER.fullmatch(text):
            return "fraction"
    if is_image(text.strip()) and "\n" not in text and len(text) < 500:
        return "file"
    return "address" if _ADDRESS.fullmatch(text) else "words"


@dataclass
class Column:
    """A column, as far as it was read.

    Attributes:
        rows, missing: rows in all, and those without a value.
        counts: rows of each value as text, of the first `MOST` values. many: whether there are others.
        again: rows whose value had been there before.
        kinds: rows of each kind.
        words, characters: of values that are text: how many have so many words, and their length together.
        whole: the smallest and the largest whole number.
        first: the first value.
    """

    name: str
    rows: int = 0
    missing: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    many: bool = False
    again: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    words: Counter[int] = field(default_factory=Counter)
    characters: int = 0
    whole: tuple[int, int] | None = None
    first: Any = None

    def add(self, value: Any) -> None:
        """Count the value of a row."""
        self.rows += 1
        if is_missing(value):
            self.missing += 1
            return
        if self.first is None:
            self.first = value
        kind = kind_of(value)
        self.kinds[kind] += 1
        if isinstance(value, str):
            self.words[min(len(value.split()), _MOST_WORDS)] += 1
            self.characters += len(value)
        if kind == "whole":
            number = int(float(value))
            low, high = self.whole or (number, number)
            self.whole = (min(low, number), max(high, number))
        if isinstance(value, str | int | float):
            self._count(str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip())

    def _count(self, key: str) -> None:
        if key in self.counts:
            self.counts[key] += 1
            self.again += 1
        elif len(self.counts) < MOST:
            self.counts[key] = 1
        else:
            self.many = True

    @property
    def filled(self) -> int:
        return self.rows - self.missing

    @property
    def distinct(self) -> int:
        """Distinct values; with `many`, the least that there are."""
        return len(self.counts)

    @property
    def is_unique(self) -> bool:
        """Whether no value comes again."""
        return self.filled > 0 and self.again == 0

    @property
    def length(self) -> float:
        """The mean number of characters, of columns of text."""
        return self.characters / self.filled if self.filled else 0.0

    def mostly(self, *kinds: str) -> bool:
        """Whether nearly all values are of some kinds."""
        return self.filled > 0 and sum(self.kinds[kind] for kind in kinds) >= MOSTLY * self.filled

    @property
    def is_numeric(self) -> bool:
        return self.mostly("whole", "fraction")

    @property
    def is_textual(self) -> bool:
        """Whether it holds text that is no number, date or address."""
        texts = sum(self.words.values())
        return texts >= MOSTLY * self.filled > 0 and self.kinds["words"] > texts / 2

    @property
    def numbers_rows(self) -> bool:
        """Whether it holds consecutive whole numbers, each once."""
        if self.whole is None or self.again or not self.mostly("whole"):
            return False
        return self.whole[1] - self.whole[0] + 1 == self.kinds["whole"] > 1

    def words_of_most(self, share: float) -> int:
        """The number of words that a share of the texts does not exceed."""
        left = share * sum(self.words.values())
        for words, rows in sorted(self.words.items()):
            left -= rows
            if left <= 0:
                return words
        return 0

    @property
    def scale(self) -> str:
        """The classes with their rows, the most frequent first, for people: at most six."""
        listed = ", ".join(f"{name!r} {rows}" for name, rows in self.counts.most_common(6))
        return listed + (f" and {self.distinct - 6} more" if self.distinct > 6 else "")
