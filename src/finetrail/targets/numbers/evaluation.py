"""Everything measured on a regression's answers, in one call: what stage `test` writes and the report shows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Interval, intervals
from finetrail.targets.conformal import Promise
from finetrail.targets.numbers.codec import NumberCodec, Predictions
from finetrail.targets.numbers.judge import NumberJudge
from finetrail.targets.numbers.metrics import scores

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.report.section import Story

RANGES = 5
"""How many ranges of the label the errors are reported for."""
FEWEST = 20
"""The fewest rows of a range: the mean error of fewer says little."""
WORST = 50
"""Errors that errors.csv lists."""
SHOWN = 1500
"""Rows that are drawn: those with the smallest ids, which look random."""


@dataclass(frozen=True)
class NumberAnswer:
    """A row and the model's answer."""

    id: str
    actual: float
    predicted: float

    @property
    def error(self) -> float:
        """Above 0 where the model said too much."""
        return self.predicted - self.actual


@dataclass(frozen=True)
class Range:
    """The rows whose label lies from `low` to `high`: mean absolute error, and mean error (above 0: too much)."""

    low: float
    high: float
    rows: int
    mae: float
    bias: float


@dataclass(frozen=True)
class NumberEvaluation:
    """See `finetrail.targets.judge.Evaluation`.

    Attributes:
        mean: of the training labels.
        baseline: the same metrics for always answering that mean.
        actual, predicted: (n,), in the order of the rows.
        bias: the mean error; above 0 the model says too much on the whole.
        ranges: rows by the size of their label.
        worst: the largest errors first.
        shown: rows to draw, as many as a page can take.
        intervals: how often the actual number lies as near as it was to on validation rows, and that distance.
    """

    metrics: Mapping[str, Interval]
    mean: float
    baseline: Mapping[str, float]
    actual: Floats
    predicted: Floats
    bias: float
    ranges: tuple[Range, ...]
    worst: tuple[NumberAnswer, ...]
    shown: tuple[NumberAnswer, ...]
    intervals: tuple[Promise, ...]

    @property
    def rows(self) -> int:
        return len(self.actual)

    @property
    def more(self) -> Mapping[str, float]:
        return {}

    @property
    def wanted(self) -> set[str]:
        return {mistake.id for mistake in self.worst}

    def story(self, gallery: "Gallery") -> "Story":
        from finetrail.targets.numbers.report import tell

        return tell(self, gallery)

    def mistakes(self, previews: "Mapping[str, Preview]") -> "pd.DataFrame":
        import pandas as pd

        return pd.DataFrame(
            [
                asdict(mistake) | {"error": mistake.error, "content": previews[mistake.id].text}
                for mistake in self.worst
            ],
            columns=["id", "content", "actual", "predicted", "error"],
        )

    def plots(self) -> "Mapping[str, Markup]":
        from finetrail.targets.numbers.figures import errors_figure, scatter_figure

        return {
            "predicted": scatter_figure(self.shown, self.mean),
            "errors": errors_figure(self.predicted - self.actual),
        }

    def logged(self) -> Mapping[str, float]:
        held = {f"test_coverage_{100 * one.wanted:g}": one.share for one in self.intervals}
        return {f"baseline_test_{name}": self.baseline[name] for name in ("rmse", "mae")} | held


def evaluate(judge: NumberJudge, rows: "pd.DataFrame", predictions: Predictions, draws: Draws) -> NumberEvaluation:
    """Measure one model's answers.

    Args:
        rows: id and label of each, n > 0.
        predictions: (n, 1), all finite.
    """
    labels = rows["label"].tolist()
    y_true, y_pred = np.array(labels, dtype=np.float64), predictions[:, 0].astype(np.float64)
    answers = [NumberAnswer(*row) for row in zip(rows["id"], y_true.tolist(), y_pred.tolist(), strict=True)]
    return NumberEvaluation(
        metrics=intervals(judge, labels, predictions, draws),
        mean=judge.codec.mean,
        baseline=scores(y_true, np.full(len(y_true), judge.codec.mean)),
        actual=y_true,
        predicted=y_pred,
        bias=float((y_pred - y_true).mean()),
        ranges=_ranges(y_true, y_pred),
        worst=tuple(sorted(answers, key=lambda one: (-abs(one.error), one.id))[:WORST]),
        shown=tuple(sorted(answers, key=lambda one: one.id)[:SHOWN]),
        intervals=tuple(_held(np.abs(y_pred - y_true), *pair) for pair in _promises(judge.codec)),
    )


def _promises(codec: NumberCodec) -> list[tuple[float, float]]:
    """Coverages and half widths, in their order."""
    own = [] if codec.coverage is None or codec.half_width is None else [(codec.coverage, codec.half_width)]
    return sorted({*codec.half_widths, *own})


def _held(errors: Floats, coverage: float, half_width: float) -> Promise:
    return Promise(coverage, float((errors <= half_width).mean()), 2 * half_width)


def _ranges(y_true: Floats, y_pred: Floats) -> tuple[Range, ...]:
    """Ranges with about equally many rows; equal labels share a range."""
    count = max(1, min(RANGES, len(y_true) // FEWEST))
    ordered = np.sort(y_true)
    starts = np.unique([ordered[len(ordered) * place // count] for place in range(1, count)])
    number = np.searchsorted(starts, y_true, side="right") if len(starts) else np.zeros(len(y_true), dtype=np.int64)
    found = []
    for one in np.unique(number):
        inside = number == one
        error = y_pred[inside] - y_true[inside]
        low, high = float(y_true[inside].min()), float(y_true[inside].max())
        found.append(Range(low, high, int(inside.sum()), float(np.abs(error).mean()), float(error.mean())))
    return tuple(found)
