"""data/corrections.csv: what people decided about labels that the source has wrong.

A line names a row by its id, which depends on its content alone, and gives it another label, or drops it. `ingest`
applies the lines each time it reads the source, so the source stays as it was delivered.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetrail.data.canonical import is_blank
from finetrail.data.store.raw import Unreadable
from finetrail.errors import SourceError
from finetrail.locations import sha256_of

COLUMNS = ("id", "label", "who", "why")
DROP = "drop"
"""In place of a label: the row is left out."""
HEADER = ",".join(COLUMNS) + "\n"
SHOWN = 5
"""Ids in a line."""
ReadLabel = Callable[[str, str], Any]
"""Makes a label from (the place, for messages; the cell); raises SourceError for what is none."""
_ID = re.compile(r"[0-9a-f]{16}(-[1-9][0-9]*)?")


@dataclass(frozen=True)
class Line:
    """A line of the file. Attributes: number: from 1, the header's; label: as it is written."""

    number: int
    id: str
    label: str
    who: str
    why: str


@dataclass(frozen=True)
class Correction:
    """What is to become of a row. Attributes: label: its new one; None: the row is dropped."""

    label: Any

    @property
    def drops(self) -> bool:
        """Whether the row is left out."""
        return self.label is None


@dataclass
class Corrections:
    """All corrections by row, and which of them were applied so far.

    Attributes:
        sha256: of the file; empty where there is none.
        key: makes the string that equal labels share.
    """

    by_id: Mapping[str, Correction] = field(default_factory=dict)
    sha256: str = ""
    key: Callable[[Any], str] = str
    _done: dict[str, str] = field(default_factory=dict)

    def apply(self, identity: str, label: Any) -> tuple[bool, Any]:
        """Whether a row stays, and its label."""
        correction = self.by_id.get(identity)
        if correction is None:
            return True, label
        if correction.drops:
            self._done[identity] = "dropped"
            return False, label
        readable = label is not None and not isinstance(label, Unreadable)
        same = readable and self.key(label) == self.key(correction.label)
        self._done[identity] = "confirmed" if same else "replaced"
        return True, correction.label

    def applied(self) -> dict[str, Any]:
        """What became of them: the content of corrections.json in data/raw."""
        counts = dict.fromkeys(("replaced", "dropped", "confirmed"), 0)
        for what in self._done.values():
            counts[what] += 1
        return {"sha256": self.sha256, **counts, "unknown": sorted(set(self.by_id) - set(self._done))}


def say(applied: Mapping[str, Any]) -> list[str]:
    """What became of the corrections, in lines. Args: applied: see `Corrections.applied`."""
    lines = [f"corrections: {counted(applied)}"]
    if unknown := applied["unknown"]:
        ids = ", ".join(unknown[:SHOWN]) + (f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else "")
        lines.append(f"warning: the source has no row for these corrections: {ids}; remove those that are obsolete")
    return lines


def counted(applied: Mapping[str, Any]) -> str:
    """How many there are of each kind, in a few words."""
    counts = [f"{applied[name]} {name}" for name in ("replaced", "dropped", "confirmed")]
    return ", ".join([*counts, f"{len(applied['unknown'])} without a row"])


def read_corrections(file: Path, read: ReadLabel, key: Callable[[Any], str]) -> Corrections:
    """Read and check the file; without one there are no corrections.

    Raises:
        SourceError: a line cannot be used; the message names the first, and the numbers of others.
    """
    if not file.exists():
        return Corrections()
    faults: dict[int, str] = {}
    found: dict[str, tuple[int, Correction]] = {}
    for line in read_lines(file):
        where = f"{_place(file)}, line {line.number}"
        try:
            correction = _correction(where, line, read)
            number, earlier = found.setdefault(line.id, (line.number, correction))
            one, other = _said(earlier, key), _said(correction, key)
            if one != other:
                raise SourceError(
                    f"{where}: row {line.id} is {other!r} here, but {one!r} in line {number}; remove one of the lines"
                )
        except SourceError as error:
            faults[line.number] = str(error)
    if faults:
        first, *others = sorted(faults)
        more = f" (also faulty: line{'s' if len(others) > 1 else ''} {', '.join(map(str, others))})" if others else ""
        raise SourceError(faults[first] + more)
    return Corrections({row: one for row, (_, one) in found.items()}, sha256_of(file), key)


def read_lines(file: Path) -> list[Line]:
    """The lines of the file as they are written.

    Raises:
        SourceError: it is no such table.
    """
    place = _place(file)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{place}: byte {error.start} is not UTF-8; save the file as UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        header = next(reader, [])
        _check_header(place, header)
        last = reader.line_num
        for row in reader:
            rows += [(last + 1, row)] if row else []
            last = reader.line_num
    except csv.Error as error:
        raise SourceError(f"{place}, line {reader.line_num}: {error}; quote the cell as CSV does") from error
    for number, row in rows:
        if len(row) != len(header):
            raise SourceError(
                f"{place}, line {number} has {len(row)} cells, but the header has {len(header)}; quote a cell that has "
                "a comma"
            )
    return [Line(number, **dict(zip(header, row, strict=True))) for number, row in rows]


def written(lines: Iterable[Sequence[str]]) -> str:
    """Lines as they stand in the file. Args: lines: the cells of each, in the order of `COLUMNS`."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(lines)
    return stream.getvalue()


def _check_header(place: str, header: Sequence[str]) -> None:
    strange = [name for name in header if name not in COLUMNS]
    lacking = [name for name in COLUMNS if name not in header]
    if strange:
        raise SourceError(f"{place} has the column {strange[0]!r}; its columns are {', '.join(COLUMNS)}; remove it")
    if lacking:
        raise SourceError(f"{place} has no column {lacking[0]!r}; write {HEADER.strip()} as its first line")
    if len(set(header)) < len(header):
        raise SourceError(f"{place} names a column twice; write {HEADER.strip()} as its first line")


def _correction(where: str, line: Line, read: ReadLabel) -> Correction:
    if not _ID.fullmatch(line.id):
        raise SourceError(
            f"{where}: {line.id[:60]!r} is no row's id; copy one from a report or from `finetrail review`"
        )
    if is_blank(line.who):
        raise SourceError(f"{where} does not say who decided; write a name into column who")
    if line.label == DROP:
        return Correction(None)
    return Correction(check_label(where, line.label, read))


def check_label(where: str, cell: str, read: ReadLabel) -> Any:
    """The label that a cell holds. Raises: SourceError: it holds none."""
    if is_blank(cell):
        raise SourceError(f"{where} has no label; write one, or {DROP}")
    label = read(where, cell)
    if label is None or isinstance(label, Unreadable):
        raise SourceError(f"{where}: {cell[:60]!r} is no label of this task; write one, or {DROP}")
    return label


def _said(correction: Correction, key: Callable[[Any], str]) -> str:
    return DROP if correction.drops else key(correction.label)


def _place(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"
