"""The report on mistakes: a self-contained page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from finetrail.assessment.assessed import Given
from finetrail.assessment.explanations.mistakes import Explaining
from finetrail.assessment.explanations.neighbours import FAR, MEANINGS, NEAR, NEIGHBOURS
from finetrail.assessment.explanations.scores import Measured, Mistake
from finetrail.assessment.spoken import spoken
from finetrail.data.store.shards import pick
from finetrail.evaluation.report.gallery import Shown, show
from finetrail.evaluation.report.section import render

_HERE = "finetrail.assessment.explanations"
EACH = 3
"""Training rows beside a mistake."""


@dataclass(frozen=True)
class Neighbour:
    """A training row beside a mistake."""

    shown: Shown
    label: str
    similarity: float


@dataclass(frozen=True)
class Entry:
    """A mistake as the page shows it."""

    mistake: Mistake
    marked: Markup
    label: str
    answer: str
    neighbours: tuple[Neighbour, ...]


def page(given: Given, measured: Measured, made: Explaining, answers: Mapping[str, Any], steps: int) -> str:
    """The report as one HTML document. All text is escaped by its templates.

    Args:
        answers: as served, of all validation rows.
    """
    entries = _entries(given, measured, made, answers)
    return str(
        render(
            "page.html.jinja",
            _HERE,
            candidate=given.candidate,
            task=given.built.task.name,
            measured=measured,
            entries=entries,
            meanings=MEANINGS,
            steps=steps,
            rule={"far": FAR, "near": NEAR, "neighbours": NEIGHBOURS},
        )
    )


def _entries(given: Given, measured: Measured, made: Explaining, answers: Mapping[str, Any]) -> list[Entry]:
    built = given.built
    wanted = {row for one in measured.mistakes for row in one.neighbours[:EACH]}
    contents = pick(given.workspace.split("train"), built.task.content.name, wanted)
    label_of = dict(zip(made.known["id"], made.known["label"], strict=True))
    key = built.task.target.key
    return [
        Entry(
            one,
            made.marked[one.id],
            key(made.table["label"][one.place]),
            spoken(answers, one.place),
            tuple(
                Neighbour(show(built.processor.preview(contents[row])), key(label_of[row]), similarity)
                for row, similarity in list(zip(one.neighbours, one.similarities, strict=True))[:EACH]
            ),
        )
        for one in measured.mistakes
    ]
