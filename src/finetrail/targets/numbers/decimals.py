"""Numbers with a decimal comma, as half of Europe writes them: 24,71 and 1.234,5."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from finetrail.data.store.raw import Unreadable
from finetrail.errors import SourceError

if TYPE_CHECKING:
    from finetrail.data.sources.columns import Record

_COMMA = re.compile(r"\s*[+-]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]*),[0-9]+([eE][+-]?[0-9]+)?\s*")
_POINT = re.compile(r"\s*[+-]?[0-9]*\.[0-9]*([eE][+-]?[0-9]+)?\s*")
_THOUSANDS = re.compile(r"\s*[+-]?[1-9][0-9]{0,2},[0-9]{3}\s*")
_GROUPED = re.compile(r"\s*[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+\s*")


def with_points(
    name: str, records: "Iterator[Record]", label: str, decimal: str, tell: Callable[[str], None]
) -> "Iterator[Record]":
    """Yield the records with a decimal point in the label's column.

    `auto` takes the comma where a label can only be a number with one (24,71), and no label has a point. Labels without
    point or comma fit both, so the first that does not decides; a label that is no number stays as it is.

    Args:
        name: the file's. label: the column. decimal: `auto`, `.` or `,`.

    Raises:
        SourceError: `auto` finds both, or the first commas could as well separate thousands (1,234).
    """
    comma, pointed, thousands = decimal == ",", "", ""
    for number, record in records:
        value = record[label]
        text = value if isinstance(value, str) else ""
        where = f"row {number} has {text.strip()!r}"
        if decimal == "auto" and not comma:
            pointed = pointed or (where if _POINT.fullmatch(text) else "")
            if not pointed and _THOUSANDS.fullmatch(text):
                thousands = thousands or where
            elif not pointed and _COMMA.fullmatch(text):
                if thousands:
                    raise _two_readings(name, thousands, where)
                comma = True
                tell(f"{name}: decimal comma ({where})")
        elif decimal == "auto" and _POINT.fullmatch(text):
            raise _two_readings(name, "earlier rows have a decimal comma", where)
        if comma and (_COMMA.fullmatch(text) or _GROUPED.fullmatch(text)):
            record = {**record, label: text.replace(".", "").replace(",", ".")}  # noqa: PLW2901
        elif comma and "." in text:
            record = {**record, label: Unreadable(text)}  # noqa: PLW2901
        yield number, record


def _two_readings(name: str, one: str, other: str) -> SourceError:
    return SourceError(
        f"{name}: {one}, {other}: a comma may come before the fraction or separate thousands; set source.csv.decimal "
        'to "," or "."'
    )
