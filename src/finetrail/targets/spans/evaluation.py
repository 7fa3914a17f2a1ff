"""Everything measured on answers from a context: what stage `test` writes and the report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Interval, intervals
from finetrail.targets.calibration import Calibrated, calibration_of
from finetrail.targets.spans.codec import SpanAnswers, SpanCodec, windows_of
from finetrail.targets.spans.confidence import top_probability
from finetrail.targets.spans.judge import EXACT, F1, Labels, SpanJudge
from finetrail.targets.spans.reading import Answer, answers_of
from finetrail.targets.spans.texts import segments_of

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.report.section import Story

WORST = 50
"""Rows that errors.csv lists."""
LENGTHS = ((1, 1), (2, 3), (4, 7), (8, None))
"""Words of an answer, from and to; characters where words are not separated."""


@dataclass(frozen=True)
class Scored:
    """Some rows. Attributes: exact_match, f1: their means."""

    name: str
    rows: int
    exact_match: float
    f1: float


@dataclass(frozen=True)
class WrongRow:
    """A row with a wrong answer. Attributes: answer: its text is empty for none. sure: 0..1."""

    id: str
    actual: tuple[Answer, ...]
    answer: Answer
    f1: float
    sure: float


@dataclass(frozen=True)
class SpanEvaluation:
    """See `finetrail.targets.judge.Evaluation`.

    Attributes:
        contexts: groups that the intervals are drawn by; 0 where there are none.
        kinds: rows with and without an answer, where there are both, each with intervals.
        decided: (2, 2), rows whose context has an answer, and has none, by whether the model gave one.
        lengths: answerable rows by the length of their answer.
        several: rows whose context was read in more than one window.
        worst: wrong answers, the surest first.
        calibrated: of the given answers.
    """

    codec: SpanCodec
    rows: int
    contexts: int
    metrics: Mapping[str, Interval]
    kinds: Mapping[str, Mapping[str, Interval]]
    decided: NDArray[np.int64]
    lengths: tuple[Scored, ...]
    several: int
    worst: tuple[WrongRow, ...]
    calibrated: Calibrated

    @property
    def more(self) -> Mapping[str, float]:
        return {}

    @property
    def wanted(self) -> set[str]:
        return {row.id for row in self.worst}

    def story(self, gallery: "Gallery") -> "Story":
        from finetrail.targets.spans.report import tell

        return tell(self, gallery)

    def mistakes(self, previews: "Mapping[str, Preview]") -> "pd.DataFrame":
        import pandas as pd

        found = [
            {
                "id": row.id,
                "content": previews[row.id].text,
                "actual": "; ".join(dict.fromkeys(one.text for one in row.actual)),
                "predicted": row.answer.text,
                "start": row.answer.start,
                "f1": round(row.f1, 4),
                "score": round(row.sure, 4),
            }
            for row in self.worst
        ]
        return pd.DataFrame(found, columns=["id", "content", "actual", "predicted", "start", "f1", "score"])

    def plots(self) -> "Mapping[str, Markup]":
        from finetrail.targets.reliability import reliability_figure

        return {"reliability": reliability_figure(self.calibrated.after)}

    def logged(self) -> Mapping[str, float]:
        kinds = {f"test_{kind}_f1": of_kind["f1"].value for kind, of_kind in self.kinds.items()}
        return kinds | {"test_ece": self.calibrated.after.ece, "test_nll": self.calibrated.after.nll}


def evaluate(judge: SpanJudge, rows: "pd.DataFrame", answers: SpanAnswers, draws: Draws) -> SpanEvaluation:
    """Measure one model's answers. Args: rows: id and label of each, n > 0, and group where there are groups."""
    labels = rows["label"].tolist()
    groups = rows["group"].tolist() if "group" in rows and rows["group"].notna().any() else None
    facts = judge.facts(labels, answers)
    has = np.array([len(label) > 0 for label in labels], dtype=np.bool_)
    return SpanEvaluation(
        codec=judge.codec,
        rows=len(labels),
        contexts=len(set(groups or ())),
        metrics=intervals(judge, labels, answers, draws, groups),
        kinds=_kinds(judge, labels, answers, draws, groups) if has.any() and not has.all() else {},
        decided=np.array([[(one & ~answers.none).sum(), (one & answers.none).sum()] for one in (has, ~has)]),
        lengths=_lengths(labels, facts),
        several=int((windows_of(answers) > 1).sum()),
        worst=_worst(rows["id"].tolist(), labels, answers, facts),
        calibrated=_calibrated(judge.codec, answers, facts[:, EXACT] == 1),
    )


def _kinds(
    judge: SpanJudge, labels: Labels, answers: SpanAnswers, draws: Draws, groups: Sequence[object] | None
) -> dict[str, dict[str, Interval]]:
    found = {}
    for kind, wanted in (("answerable", True), ("unanswerable", False)):
        mask = np.array([bool(label) == wanted for label in labels], dtype=np.bool_)
        rows = np.flatnonzero(mask).tolist()
        own = None if groups is None else [groups[row] for row in rows]
        found[kind] = intervals(judge, [labels[row] for row in rows], answers[mask], draws, own)
    return found


def _lengths(labels: Labels, facts: Floats) -> tuple[Scored, ...]:
    units = np.array([len(segments_of(label[0]["text"])) if label else -1 for label in labels])
    found = []
    for low, high in LENGTHS:
        mask = (units >= (low if low > 1 else 0)) & (units <= (high or np.inf))
        name = f"{low} or more" if high is None else str(low) if low == high else f"{low} to {high}"
        if mask.any():
            found.append(mean_scores(name, facts[mask]))
    return tuple(found)


def mean_scores(name: str, facts: Floats) -> Scored:
    """Some rows. Args: facts: see `SpanJudge.facts`."""
    return Scored(name, len(facts), float(facts[:, EXACT].mean()), float(facts[:, F1].mean()))


def _worst(ids: Sequence[str], labels: Labels, answers: SpanAnswers, facts: Floats) -> tuple[WrongRow, ...]:
    texts, places = answers.texts, answers.places
    wrong = [
        WrongRow(
            ids[row],
            tuple(answers_of(labels[row])),
            Answer(texts[row], places[row][0]),
            float(facts[row, F1]),
            float(answers.sure[row]),
        )
        for row in np.flatnonzero(facts[:, EXACT] < 1).tolist()
    ]
    return tuple(sorted(wrong, key=lambda one: (-one.sure * (1 - one.f1), one.id))[:WORST])


def _calibrated(codec: SpanCodec, answers: SpanAnswers, right: NDArray[np.bool_]) -> Calibrated:
    raw = np.array([top_probability(codec.logits(one), 1.0) for one in answers.found])
    return Calibrated(calibration_of(raw, right), calibration_of(answers.sure, right))
