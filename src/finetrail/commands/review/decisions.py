"""What a person decides about a row, and how it gets into data/corrections.csv."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from finetrail.commands.review.questions import Question
from finetrail.data.store.corrections import DROP, HEADER, Line, ReadLabel, check_label, read_lines, written
from finetrail.errors import SourceError

KINDS = ("keep", "accept", "other", "drop", "undo")


@dataclass(frozen=True)
class Decision:
    """Attributes: kind: one of `KINDS`; label: the other label, as a cell; why: in the person's words, or empty."""

    id: str
    kind: str
    label: str = ""
    why: str = ""


@dataclass(frozen=True)
class Reviewed:
    """Writes decisions.

    Attributes:
        lock: a file that keeps two reviews from writing at once.
        who: the person.
        read: makes a label from a cell, or says why it is none.
        before: the lines that were there when the review began: `undo` brings them back.
    """

    file: Path
    lock: Path
    who: str
    questions: Mapping[str, Question]
    read: ReadLabel
    before: Mapping[str, Line] = field(default_factory=dict)

    def decide(self, decision: Decision) -> str:
        """Write a decision; returns what now stands there for the row: the cell of its label, or nothing.

        Raises:
            SourceError: it cannot be written; the message says why.
        """
        question = self.questions.get(decision.id)
        if question is None or decision.kind not in KINDS:
            raise SourceError(f"{decision.kind[:20]!r} of {decision.id[:40]!r} is not asked here; load the page again")
        cells = self._cells(question, decision)
        self.lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.lock):
            _put(self.file, decision.id, cells)
        return cells[1] if cells else ""

    def _cells(self, question: Question, decision: Decision) -> Sequence[str] | None:
        label, suggestion = question.cells
        if decision.kind == "undo":
            old = self.before.get(question.id)
            return (old.id, old.label, old.who, old.why) if old else None
        if decision.kind == "accept" and not suggestion:
            raise SourceError("there is no suggestion to accept; keep the label, write another, or drop the row")
        cell = {"keep": label, "accept": suggestion, "other": decision.label, "drop": DROP}[decision.kind]
        if decision.kind != "drop":
            if cell == DROP:
                raise SourceError(f"a label {DROP!r} would drop the row; name that class otherwise in the source")
            check_label(f"row {question.id}", cell, self.read)
        why = (
            " ".join(decision.why.split())
            or {
                "keep": "the label is right",
                "accept": f"suggested by assess.labels, quality {question.quality:.3f}",
                "other": "neither the label nor the suggestion",
                "drop": "unfit",
            }[decision.kind]
        )
        return question.id, cell, self.who, why


def _put(file: Path, row: str, cells: Sequence[str] | None) -> None:
    """Add the line of a row, replace it, or remove it; all other lines stay, and the file is whole at any time."""
    lines = read_lines(file) if file.exists() else []
    text = file.read_text(encoding="utf-8") if file.exists() else HEADER
    known = any(line.id == row for line in lines)
    if not known and cells is None:
        return
    if not known and cells is not None and text.startswith(HEADER) and text.endswith("\n"):
        text += written([cells])
    else:
        kept = [(line.id, line.label, line.who, line.why) for line in lines if line.id != row]
        place = next((at for at, line in enumerate(lines) if line.id == row), len(kept))
        text = HEADER + written([*kept[:place], *([cells] if cells is not None else []), *kept[place:]])
    partial = file.with_name(file.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
