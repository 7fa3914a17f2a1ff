"""How a CSV file is written whose columns nobody has named: as the reader detects it, and a decision where it stops."""

import csv
from itertools import islice
from pathlib import Path

from finetrail.data.canonical import is_missing
from finetrail.data.sources.detection import DELIMITERS, detect, text_of
from finetrail.data.sources.dialect import CsvSettings, Dialect, named
from finetrail.data.sources.disguised import refuse_disguised
from finetrail.data.sources.scan import encoding_of, scan
from finetrail.data.sources.tables import read_csv
from finetrail.errors import SourceError
from finetrail.starting.asking import Choose
from finetrail.starting.columns import kind_of
from finetrail.starting.names import is_usual

WINDOWS = "windows-1252"
_QUOTING = ("none", "standard")
_LOOKED_AT = 1000
_LONGEST_NAME, _MOST_WORDS = 60, 6  # of a column


def settings_of(path: Path, kind: str, choose: Choose) -> CsvSettings:
    """Section `source.csv` for a file, with every setting decided.

    Args:
        kind: `csv` or `tsv`.

    Raises:
        SourceError: it is not text in any encoding that is tried.
    """
    refuse_disguised(path)
    encoding = _encoding(path)
    found = CsvSettings(delimiter=_delimiter(path, kind, encoding), header=False, encoding=encoding)
    quoted = scan(path, encoding).quotes
    try:
        quoting = "standard" if detect(path, kind, found, [], quotes=quoted).quoted else "none"
    except SourceError as error:
        quoting = _quoting(path, kind, found, str(error), choose)
    found = found.model_copy(update={"quoting": quoting})
    return found.model_copy(update={"header": _has_header(path, detect(path, kind, found, []))})


def _quoting(path: Path, kind: str, found: CsvSettings, fault: str, choose: Choose) -> str:
    """Decide between two readings, which the detection's message names; quotes that change no row enclose fields."""
    rows = {one: _rows(path, kind, found.model_copy(update={"quoting": one})) for one in _QUOTING}
    if rows["none"] == rows["standard"]:
        return "standard"
    said = fault.partition("; it is part")[0]
    return choose(f"{said}; does a quote enclose a field (standard), or belong to the text (none)", _QUOTING, "")


def _rows(path: Path, kind: str, settings: CsvSettings) -> int:
    """The rows of a file under some settings; -1 where it cannot be read so."""
    try:
        return sum(1 for _ in read_csv(path, [], kind, settings))
    except SourceError:
        return -1


def _encoding(path: Path) -> str:
    """By the byte order mark, else UTF-8; else what programs on Windows write without a mark."""
    marked = encoding_of(path)
    with path.open("rb") as file:
        start = file.read(4)
    tried = [marked, "utf-16-be" if start.startswith(b"\0") else "utf-16-le" if b"\0" in start else WINDOWS]
    faults = []
    for encoding in tried:
        try:
            scan(path, encoding)
            return encoding
        except SourceError as error:
            faults.append(error)
    raise faults[0]


def _delimiter(path: Path, kind: str, encoding: str) -> str:
    """What divides every record into the same number of fields; of several, what stands between words least."""
    try:
        return detect(path, kind, CsvSettings(header=False, encoding=encoding), ["2"], quotes=False).delimiter
    except SourceError:
        pass
    # Several divide it: a comma in a sentence has a space behind it.
    with text_of(path, encoding) as lines:
        text = "".join(islice(lines, _LOOKED_AT))
    tight = {one: 1 - text.count(one + " ") / text.count(one) for one in DELIMITERS if one in text}
    return max(tight, key=lambda one: tight[one], default=DELIMITERS[0])


def _has_header(path: Path, dialect: Dialect) -> bool:
    """Whether the first record names the columns: names do not come again below, and are neither numbers nor prose."""
    with text_of(path, dialect.encoding) as lines:
        try:
            first, *others = islice(filter(None, dialect.records(lines)), _LOOKED_AT)
        except (ValueError, csv.Error):
            return True  # the reader says what is wrong
    below = [{record[place] for record in others if place < len(record)} for place in range(len(first))]
    if any(cell in values for cell, values in zip(first, below, strict=True)):
        return False
    if any(map(is_usual, first)):
        return True
    if any(is_missing(cell) for cell in first[1:]) or len(set(first)) < len(first):
        return False  # the first name may be missing: of an index that pandas wrote
    return not any(
        len(cell) > _LONGEST_NAME or len(cell.split()) > _MOST_WORDS or kind_of(cell) not in ("words", "file")
        for cell in first
        if not is_missing(cell)
    )


def said(settings: CsvSettings, kind: str) -> list[str]:
    """What is not usual in how a file is written, for people."""
    found = []
    if settings.encoding not in ("auto", "utf-8", "utf-8-sig"):
        found.append(f"encoding {settings.encoding}")
    if settings.delimiter != ("\t" if kind == "tsv" else ","):
        found.append(f"delimiter {named(settings.delimiter)}")
    if settings.quoting == "none":
        found.append("quotes belong to the text")
    if settings.header is False:
        found.append("no header, so columns are numbered from 1")
    return found
