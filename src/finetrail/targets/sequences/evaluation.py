"""Everything measured on the answers of a model that writes texts: what stage `test` writes and the report shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.data.canonical import is_blank
from finetrail.evaluation.scores.bootstrap import Draws, Floats, Interval, Ints, intervals
from finetrail.targets.sequences import with_last
from finetrail.targets.sequences.codec import SequenceAnswers
from finetrail.targets.sequences.habits import loops, refuses
from finetrail.targets.sequences.judge import SequenceJudge
from finetrail.targets.sequences.lengths import OfLength, by_length
from finetrail.targets.sequences.metrics import signatures

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.report.section import Story

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
class Habit:
    """A fault of form. Attributes: answers, references: the shares of both that have it; None where one cannot."""

    said: str
    answers: float
    references: float | None


@dataclass(frozen=True)
class SequenceEvaluation:
    """See `finetrail.targets.judge.Evaluation`.

    Attributes:
        rows: how many there are in the split.
        metric: what single rows are judged by.
        signatures: see `finetrail.targets.sequences.metrics.signatures`.
        groups: that the intervals are drawn by; 0 where there are none.
        habits: faults of form, by name.
        pattern: see `refusal_pattern` in `finetrail.targets.sequences.settings`.
        loss, perplexity: of a token of the validation references; None where they are not known.
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
    habits: Mapping[str, Habit]
    pattern: str | None
    loss: float | None
    perplexity: float | None
    different: int
    different_references: int
    sizes: Ints
    lengths: tuple[OfLength, ...]
    worst: tuple[Written, ...]

    @property
    def more(self) -> Mapping[str, float]:
        shares = {f"{name}_answers": habit.answers for name, habit in self.habits.items()}
        return shares | {"different_answers": self.different / self.rows}

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

        return {
            "lengths": lengths_figure(self.sizes),
            "by_length": by_length_figure(self.lengths, self.metric, "references"),
        }

    def logged(self) -> Mapping[str, float]:
        return {f"test_{name}": value for name, value in self.more.items()} | {"test_length_ratio": self.ratio}


def evaluate(
    judge: SequenceJudge, rows: "pd.DataFrame", answers: SequenceAnswers, draws: Draws, trained: Mapping[str, Any]
) -> SequenceEvaluation:
    """Measure one model's answers.

    Args:
        rows: id and label of each, n > 0, and group where there are groups.
        trained: the details.json of the training.
    """
    labels = rows["label"].tolist()
    groups, validated = _groups(rows), trained.get("val", {})
    found = intervals(judge, labels, answers, draws, groups)
    sizes = np.array([[len(text) for text in pair] for pair in zip(labels, answers.texts, strict=True)])
    return SequenceEvaluation(
        rows=len(labels),
        metrics={metric.name: found[metric.name] for metric in with_last(judge.codec.metric)},
        metric=judge.codec.metric,
        signatures=signatures(judge.codec.tokenizer),
        groups=len(set(groups or ())),
        habits=_habits(labels, answers, judge.codec.refusal),
        pattern=judge.codec.refusal,
        loss=validated.get("loss"),
        perplexity=validated.get("perplexity"),
        different=len(set(answers.texts)),
        different_references=len(set(labels)),
        sizes=sizes,
        lengths=by_length(judge, labels, answers, sizes[:, 0].tolist(), groups=groups, draws=draws),
        worst=_worst(judge, rows["id"].tolist(), labels, answers),
    )


def _habits(labels: Sequence[str], answers: SequenceAnswers, pattern: str | None) -> dict[str, Habit]:
    def share(has: Callable[[str], bool], texts: Sequence[str]) -> float:
        return float(np.mean([has(text) for text in texts]))

    def both(said: str, has: Callable[[str], bool]) -> Habit:
        return Habit(said, share(has, answers.texts), share(has, labels))

    looped = np.array([loops(text) for text in answers.texts], dtype=np.bool_)
    return {
        "empty": both("shows nothing", is_blank),
        "cut": Habit("was cut by the limit of length", float(answers.cut.mean()), None),
        "looping": both("ends in a loop", loops),
        "looping_cut": Habit("ends in a loop, and was cut there", float((looped & answers.cut).mean()), None),
        "refusing": both("refuses", lambda text: refuses(text, pattern)),
    }


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
