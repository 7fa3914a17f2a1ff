"""Everything measured on the answers of a model that writes texts: what stage `test` writes and the report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from finetrail.data.canonical import is_blank
from finetrail.evaluation.scores.bootstrap import Draws, Floats, Interval, Ints, bootstrap, intervals
from finetrail.targets.numbers.strata import bins
from finetrail.targets.sequences import with_last
from finetrail.targets.sequences.codec import SequenceAnswers
from finetrail.targets.sequences.judge import SequenceJudge
from finetrail.targets.sequences.metrics import signatures

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.report.section import Story

RANGES = 6
"""Into how many ranges of length the references are divided, at most."""
FEWEST = 20
"""The fewest rows of a range: fewer say little."""
WORST = 50
"""Rows that errors.csv lists."""


@dataclass(frozen=True)
class Written:
    """A row and what the model wrote. Attributes: value: what it reaches in the metric of single rows."""

    id: str
    reference: str
    answer: str
    value: float
    score: float
    cut: bool


@dataclass(frozen=True)
class OfLength:
    """The rows whose references have `low` to `high` characters. Attributes: ratio: of the lengths, answer to label."""

    low: int
    high: int
    rows: int
    value: Interval
    ratio: float


@dataclass(frozen=True)
class SequenceEvaluation:
    """See `finetrail.targets.judge.Evaluation`.

    Attributes:
        rows: how many there are in the split.
        metric: what single rows are judged by.
        signatures: see `finetrail.targets.sequences.metrics.signatures`.
        groups: that the intervals are drawn by; 0 where there are none.
        empty, cut: shares of the answers that show nothing, and that the limit of length ended.
        different, different_references: how many different texts the answers and the references are.
        sizes: characters of each reference and answer (n, 2).
        lengths: rows by the length of their references.
        worst: the rows whose answers have least in common with their references.
    """

    rows: int
    metrics: Mapping[str, Interval]
    metric: str
    signatures: Mapping[str, str]
    groups: int
    empty: float
    cut: float
    different: int
    different_references: int
    sizes: Ints
    lengths: tuple[OfLength, ...]
    worst: tuple[Written, ...]

    @property
    def more(self) -> Mapping[str, float]:
        different = self.different / self.rows
        return {"empty_answers": self.empty, "cut_answers": self.cut, "different_answers": different}

    @property
    def wanted(self) -> set[str]:
        return {row.id for row in self.worst}

    @property
    def ratio(self) -> float:
        """Characters of all answers for each character of the references."""
        return float(self.sizes[:, 1].sum() / max(1, self.sizes[:, 0].sum()))

    def story(self, gallery: "Gallery") -> "Story":
        from finetrail.targets.sequences.report import tell

        return tell(self, gallery)

    def mistakes(self, previews: "Mapping[str, Preview]") -> "pd.DataFrame":
        import pandas as pd

        found = [
            {
                "id": row.id,
                "content": previews[row.id].text,
                "actual": row.reference,
                "predicted": row.answer,
                self.metric: row.value,
                "score": row.score,
                "cut": row.cut,
            }
            for row in self.worst
        ]
        return pd.DataFrame(found, columns=["id", "content", "actual", "predicted", self.metric, "score", "cut"])

    def plots(self) -> "Mapping[str, Markup]":
        from finetrail.targets.sequences.figures import by_length_figure, lengths_figure

        return {"lengths": lengths_figure(self.sizes), "by_length": by_length_figure(self.lengths, self.metric)}

    def logged(self) -> Mapping[str, float]:
        return {f"test_{name}": value for name, value in self.more.items()} | {"test_length_ratio": self.ratio}


def evaluate(judge: SequenceJudge, rows: "pd.DataFrame", answers: SequenceAnswers, draws: Draws) -> SequenceEvaluation:
    """Measure one model's answers. Args: rows: id and label of each, n > 0, and group where there are groups."""
    labels = rows["label"].tolist()
    groups = _groups(rows)
    found = intervals(judge, labels, answers, draws, groups)
    sizes = np.array([[len(text) for text in pair] for pair in zip(labels, answers.texts, strict=True)])
    return SequenceEvaluation(
        rows=len(labels),
        metrics={metric.name: found[metric.name] for metric in with_last(judge.codec.metric)},
        metric=judge.codec.metric,
        signatures=signatures(judge.codec.tokenizer),
        groups=len(set(groups or ())),
        empty=float(np.mean([is_blank(text) for text in answers.texts])),
        cut=float(answers.cut.mean()),
        different=len(set(answers.texts)),
        different_references=len(set(labels)),
        sizes=sizes,
        lengths=tuple(_of_length(judge, rows[inside], answers[inside], draws) for inside in _ranges(sizes[:, 0])),
        worst=_worst(judge, rows["id"].tolist(), labels, answers),
    )


def _ranges(characters: Ints) -> list[NDArray[np.bool_]]:
    """The rows of each range of length, about equally many; references of equal length share a range."""
    values = characters.astype(np.float64).tolist()
    names = np.array(bins(values, values, min(RANGES, len(values) // FEWEST) / len(values)))
    return [names == name for name in np.unique(names)]


def _of_length(judge: SequenceJudge, rows: "pd.DataFrame", answers: SequenceAnswers, draws: Draws) -> OfLength:
    labels, metric = rows["label"].tolist(), judge.codec.metric
    drawn = bootstrap(judge, labels, [answers], draws, groups=_groups(rows))
    sizes, written = [len(text) for text in labels], sum(map(len, answers.texts))
    value = drawn.interval(metric, 0, draws.confidence)
    return OfLength(min(sizes), max(sizes), len(labels), value, written / max(1, sum(sizes)))


def _groups(rows: "pd.DataFrame") -> list[object] | None:
    return rows["group"].tolist() if "group" in rows and rows["group"].notna().any() else None


def _worst(
    judge: SequenceJudge, ids: Sequence[str], labels: Sequence[str], answers: SequenceAnswers
) -> tuple[Written, ...]:
    values: Floats = 1 - judge.row_errors(labels, answers)
    columns = (ids, labels, answers.texts, values.tolist(), answers.scores.tolist(), answers.cut.tolist())
    found = [Written(*row) for row in zip(*columns, strict=True)]
    # Of equally bad answers, those of which the model was surest stand first.
    return tuple(sorted(found, key=lambda one: (one.value, -one.score, one.id))[:WORST])
