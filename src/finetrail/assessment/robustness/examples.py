"""The rows whose answers a perturbation changes most easily, as they were and as they became."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from finetrail.assessment.assessed import Given
from finetrail.assessment.robustness.perturbed import Sample, perturbed
from finetrail.assessment.spoken import spoken
from finetrail.evaluation.report.gallery import Shown, show
from finetrail.targets.codec import Answers

EACH = 3
"""Examples of each perturbation that a report shows."""


@dataclass(frozen=True)
class Example:
    """A row before and after. Attributes: was, became: the answers."""

    id: str
    label: str
    severity: int
    before: Shown
    after: Shown
    was: str
    became: str


def worst_examples(given: Given, sample: Sample, table: pd.DataFrame) -> dict[str, list[Example]]:
    """By perturbation: the changed answers, right ones that became wrong first, then by the lowest severity."""
    clean = table[table["severity"] == 0].reset_index(drop=True)
    names = [one for one in table["perturbation"].unique() if one]
    return {name: _of(given, sample, clean, table[table["perturbation"] == name]) for name in names}


def _of(given: Given, sample: Sample, clean: pd.DataFrame, own: pd.DataFrame) -> list[Example]:
    codec = given.built.codec
    known = codec.read(clean)
    ranked: list[tuple[bool, int, float, str, int]] = []
    tables = {}
    for severity in sorted(own["severity"].unique().tolist()):
        rows = own[own["severity"] == severity].reset_index(drop=True)
        answers = codec.read(rows)
        tables[severity] = answers
        labels = clean["label"].tolist()
        right, still = codec.judge.right(labels, known), codec.judge.right(labels, answers)
        lost = right & ~still if right is not None and still is not None else np.zeros(len(rows), dtype=np.bool_)
        apart = codec.apart(known, answers)
        ranked += [
            (not bool(lost[place]), severity, -float(apart[place]), str(clean["id"][place]), int(place))
            for place in np.flatnonzero(codec.differ(known, answers, codec))
        ]
    chosen: dict[str, tuple[int, int]] = {}
    for _, severity, _, row, place in sorted(ranked):
        chosen.setdefault(row, (severity, place))
    name = str(own["perturbation"].iloc[0])
    picked = list(chosen.items())[:EACH]
    return [
        _example(given, sample, name, row, severity=severity, place=place, answers=(known, tables[severity]))
        for row, (severity, place) in picked
    ]


def _example(
    given: Given, sample: Sample, name: str, row: str, *, severity: int, place: int, answers: tuple[Answers, Answers]
) -> Example:
    built = given.built
    (content,) = perturbed(given, sample, name, severity, [row])
    before, after = (show(built.processor.preview(one)) for one in (sample.contents[row], content))
    was, became = (spoken(built.codec.say(one), place) for one in answers)
    label = sample.rows["label"][place]
    return Example(row, built.task.target.key(label), severity, before, after, was, became)
