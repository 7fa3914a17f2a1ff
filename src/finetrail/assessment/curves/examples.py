"""The rows whose answers change most easily, as they were and as they became."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from finetrail.assessment.assessed import Given
from finetrail.assessment.curves.changes import Side
from finetrail.assessment.curves.sample import Sample
from finetrail.assessment.curves.scores import AS_IT_IS, At, Curves
from finetrail.assessment.drawn import drawn_beside
from finetrail.assessment.spoken import spoken
from finetrail.evaluation.report.gallery import Shown
from finetrail.evaluation.report.gallery import show as show_content

EACH = 3
"""Examples of each way that a report shows."""
ShowChange = Callable[[str, At], tuple[Side, Side]]
"""Shows the content of a row as it is, and as it became."""


@dataclass(frozen=True)
class Example:
    """A row before and after.

    Attributes:
        was, became: the answers.
        drawn: the row as it is with its label and both answers drawn on it; empty where these name no places in it.
    """

    id: str
    label: str
    strength: int
    before: Side
    after: Side
    was: str
    became: str
    drawn: tuple[Shown, ...]


def worst_examples(given: Given, curves: Curves, sample: Sample, show: ShowChange) -> dict[str, list[Example]]:
    """By way: the changed answers, right ones that became wrong first, then by the lowest strength."""
    return {way: _of(given, curves, sample, way, show) for way in curves.all_ways}


def _of(given: Given, curves: Curves, sample: Sample, way: str, show: ShowChange) -> list[Example]:
    codec, who = curves.codec, curves.candidates[0]
    clean, known = curves.rows(who, AS_IT_IS).reset_index(drop=True), curves.answers(who, AS_IT_IS)
    labels = clean["label"].tolist()
    ranked: list[tuple[bool, int, float, str, int]] = []
    for at in curves.of(way):
        answers = curves.answers(who, at)
        right, still = codec.judge.right(labels, known), codec.judge.right(labels, answers)
        lost = right & ~still if right is not None and still is not None else np.zeros(len(labels), dtype=np.bool_)
        apart = codec.apart(known, answers)
        ranked += [
            (not bool(lost[place]), at[1], -float(apart[place]), str(clean["id"][place]), int(place))
            for place in np.flatnonzero(codec.differ(known, answers, codec))
        ]
    chosen: dict[str, tuple[int, int]] = {}
    for _, strength, _, row, place in sorted(ranked):
        chosen.setdefault(row, (strength, place))
    found = []
    for row, (strength, place) in list(chosen.items())[:EACH]:
        before, after = show(row, (way, strength))
        both, target = (known, curves.answers(who, (way, strength))), given.built.task.target
        was, became = (spoken(codec.say(one), place) for one in both)
        as_it_is = show_content(given.built.processor.preview(sample.contents[row]))
        drawn = drawn_beside(target, codec, as_it_is, labels[place], *((one, place) for one in both))
        label = target.key(labels[place])
        found.append(Example(row, label, strength, before, after, was, became, drawn))
    return found
