"""What stage `test` asks of a kind of problem: what is measured, the report, and the tables beside it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pandas as pd

from finetrail.evaluation.bootstrap import Interval
from finetrail.evaluation.report.page import Report
from finetrail.evaluation.report.previews import Preview
from finetrail.evaluation.selection import Selection
from finetrail.targets.classes.evaluation import Evaluation, evaluate
from finetrail.targets.classes.report import render, wanted
from finetrail.targets.numbers.evaluation import RegressionEvaluation, evaluate_regression
from finetrail.targets.numbers.numbers import to_numbers
from finetrail.targets.numbers.report import render_regression, wanted_in_regression
from finetrail.targets.problem import CLASSIFICATION, REGRESSION, ProblemType, amount

BINS = 10


@dataclass(frozen=True)
class Answered:
    """A model's answers to the rows of the test split.

    Attributes:
        rows: id and label.
        outputs: (n, K).
        names: of the K outputs.
        trained: the metrics.json of its training.
    """

    rows: pd.DataFrame
    outputs: np.ndarray
    names: list[str]
    trained: Mapping[str, Any]


class Measured(Protocol):
    """What was measured, whatever the kind of problem."""

    @property
    def metrics(self) -> Mapping[str, Interval]: ...

    def as_json(self, split: str) -> dict[str, object]:
        """The content of metrics.json."""
        ...


MeasuredT = TypeVar("MeasuredT", bound=Measured)


class Scoring(Protocol, Generic[MeasuredT]):
    """A kind of problem."""

    def evaluate(self, answered: Answered, settings: Selection) -> MeasuredT:
        """Measure the answers. Raises: ModelError: one is not finite."""
        ...

    def wanted(self, evaluation: MeasuredT) -> set[str]:
        """The ids of the rows that the report shows."""
        ...

    def render(self, report: Report[Any]) -> str:
        """The report as one HTML document."""
        ...

    def answers(self, answered: Answered) -> dict[str, Any]:
        """The columns of predictions.parquet: what the model says."""
        ...

    def confusion(self, answered: Answered) -> pd.DataFrame:
        """What `dvc plots` counts: `actual` and `predicted`, one a row."""
        ...

    def errors(self, evaluation: MeasuredT, previews: Mapping[str, Preview]) -> pd.DataFrame:
        """The worst mistakes, with an excerpt of what was asked."""
        ...

    def logged(self, evaluation: MeasuredT) -> dict[str, float]:
        """What MLflow shows besides the metrics."""
        ...


class ClassificationScoring:
    """Classifiers."""

    def evaluate(self, answered: Answered, settings: Selection) -> Evaluation:
        numbers = {label: number for number, label in enumerate(answered.names)}
        return evaluate(
            answered.rows["id"].tolist(),
            np.array([numbers[label] for label in answered.rows["label"]], dtype=np.int64),
            answered.outputs.astype(np.float64),
            answered.names,
            confidence=settings.confidence,
            resamples=settings.resamples,
            seed=settings.seed,
        )

    def wanted(self, evaluation: Evaluation) -> set[str]:
        return wanted(evaluation)

    def render(self, report: Report[Any]) -> str:
        return render(report)

    def answers(self, answered: Answered) -> dict[str, Any]:
        return {"logits": list(answered.outputs)}

    def confusion(self, answered: Answered) -> pd.DataFrame:
        predicted = [answered.names[number] for number in answered.outputs.argmax(axis=1)]
        return pd.DataFrame({"actual": answered.rows["label"], "predicted": predicted})

    def errors(self, evaluation: Evaluation, previews: Mapping[str, Preview]) -> pd.DataFrame:
        return pd.DataFrame(
            [asdict(mistake) | {"content": previews[mistake.id].text} for mistake in evaluation.mistakes],
            columns=["id", "content", "actual", "predicted", "confidence", "given_to_actual"],
        )

    def logged(self, evaluation: Evaluation) -> dict[str, float]:
        return {"test_loss": evaluation.loss, "test_ece": evaluation.calibration.ece}


class RegressionScoring:
    """Regressions."""

    def evaluate(self, answered: Answered, settings: Selection) -> RegressionEvaluation:
        return evaluate_regression(
            answered.rows["id"].tolist(),
            np.array(to_numbers(answered.rows["label"].tolist())),
            answered.outputs[:, 0].astype(np.float64),
            mean=float(answered.trained["target"]["mean"]),
            confidence=settings.confidence,
            resamples=settings.resamples,
            seed=settings.seed,
        )

    def wanted(self, evaluation: RegressionEvaluation) -> set[str]:
        return wanted_in_regression(evaluation)

    def render(self, report: Report[Any]) -> str:
        return render_regression(report)

    def answers(self, answered: Answered) -> dict[str, Any]:
        return {"prediction": answered.outputs[:, 0]}

    def confusion(self, answered: Answered) -> pd.DataFrame:
        """By tenths of the actual numbers, because `dvc.yaml` has one plot for all tasks: the report has the points."""
        actual = np.array(to_numbers(answered.rows["label"].tolist()))
        starts = np.unique(np.quantile(actual, np.arange(1, BINS) / BINS, method="lower"))
        ends = ["least", *map(amount, starts.tolist()), "largest"]
        names = np.array([f"{place:02d}: {low} to {high}" for place, (low, high) in
                          enumerate(pairwise(ends), start=1)])  # fmt: skip
        found = {"actual": actual, "predicted": answered.outputs[:, 0].astype(np.float64)}
        return pd.DataFrame({key: names[np.searchsorted(starts, of, side="right")] for key, of in found.items()})

    def errors(self, evaluation: RegressionEvaluation, previews: Mapping[str, Preview]) -> pd.DataFrame:
        return pd.DataFrame(
            [
                asdict(mistake) | {"error": mistake.error, "content": previews[mistake.id].text}
                for mistake in evaluation.mistakes
            ],
            columns=["id", "content", "actual", "predicted", "error"],
        )

    def logged(self, evaluation: RegressionEvaluation) -> dict[str, float]:
        return {f"baseline_test_{name}": evaluation.baseline[name] for name in ("rmse", "mae")}


_SCORING: Mapping[ProblemType, Scoring[Any]] = {
    CLASSIFICATION.name: ClassificationScoring(),
    REGRESSION.name: RegressionScoring(),
}


def scoring_of(problem: ProblemType) -> Scoring[Any]:
    """How the answers of a kind of problem are scored."""
    return _SCORING[problem]
