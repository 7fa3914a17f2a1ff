"""Whether strings are sets of names with a delimiter between them: `action|comedy`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from finetrail.starting.columns import Column

DELIMITERS = ("|", ";", ",")
_LEAST_SHARE = 0.2
"""Of the values that must have several names."""
_MOST_WORDS = 4  # of a name
_LEAST_TIMES = 3
"""How often a name must come on average, so that names are a vocabulary."""


def delimiter_of(column: Column, kept: Sequence[Mapping[str, Any]]) -> str | None:
    """What stands between the names in the strings of a column; None where they are no sets.

    Args:
        kept: rows of the table.
    """
    if column.is_numeric or not column.is_textual:
        return None
    texts = [value for row in kept if isinstance(value := row.get(column.name), str) and value.strip()]
    for delimiter in DELIMITERS:
        parts = [[part.strip() for part in text.split(delimiter) if part.strip()] for text in texts]
        several = sum(len(one) > 1 for one in parts)
        names = Counter(name for one in parts for name in one)
        if (
            texts
            and several >= _LEAST_SHARE * len(texts)
            and sum(names.values()) >= _LEAST_TIMES * len(names)
            and all(len(name.split()) <= _MOST_WORDS for name in names)
        ):
            return delimiter
    return None
