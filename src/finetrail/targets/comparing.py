"""What stage `select` asks of a kind of problem: what candidates said to the validation rows, and how good they are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from finetrail.errors import ModelError, WorkspaceError
from finetrail.evaluation.bootstrap import Resampled, bootstrap, bootstrap_numbers
from finetrail.evaluation.selection import Selection
from finetrail.targets.numbers.numbers import to_numbers
from finetrail.targets.problem import CLASSIFICATION, REGRESSION, ProblemType, problem_of
from finetrail.workspace import RunPaths

if TYPE_CHECKING:
    import pyarrow as pa


class Comparing(Protocol):
    """A kind of problem. Attributes: column: that of predictions.parquet which holds what a candidate said."""

    column: str

    def labels(self, metrics: Mapping[str, Any]) -> tuple[str, ...]:
        """The classes that a candidate can tell apart, by its metrics.json."""
        ...

    def predicted(self, table: "pa.Table", labels: tuple[str, ...], paths: RunPaths) -> NDArray[Any]:
        """What a candidate said to each row (n,).

        Raises:
            ModelError: an answer is NaN or infinite.
            WorkspaceError: the files do not fit together.
        """
        ...

    def resampled(
        self,
        actual: Sequence[str],
        labels: tuple[str, ...],
        predictions: Sequence[NDArray[Any]],
        settings: Selection,
    ) -> Resampled:
        """The metrics of all candidates. Args: actual: the labels of the rows."""
        ...


class ClassificationComparing:
    """Candidates that answer with a logit for each class."""

    column = "logits"

    def labels(self, metrics: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(metrics["labels"])

    def predicted(self, table: "pa.Table", labels: tuple[str, ...], paths: RunPaths) -> NDArray[Any]:
        rows = table.num_rows
        logits = table[self.column].combine_chunks().flatten().to_numpy()
        if logits.size != rows * len(labels):
            raise WorkspaceError(
                f"{paths.predictions} has {logits.size} logits for {rows} rows and {len(labels)} labels, but there "
                "must be one a row and label: run `dvc repro`"
            )
        logits = logits.reshape(rows, len(labels))
        _refuse_broken(~np.isfinite(logits).all(axis=1), "logit", paths)
        known = set(labels)
        strange = next((label for label in table["label"].to_pylist() if label not in known), None)
        if strange is not None:
            raise WorkspaceError(
                f"{paths.predictions} holds the label {strange!r}, which is none of the {len(labels)} in "
                f"{paths.metrics}: run `dvc repro`"
            )
        found: NDArray[Any] = logits.argmax(axis=1).astype(np.int64)
        return found

    def resampled(
        self,
        actual: Sequence[str],
        labels: tuple[str, ...],
        predictions: Sequence[NDArray[Any]],
        settings: Selection,
    ) -> Resampled:
        index = {label: k for k, label in enumerate(labels)}
        y_true = np.array([index[label] for label in actual], dtype=np.int64)
        return bootstrap(y_true, predictions, len(index), resamples=settings.resamples, seed=settings.seed)


class RegressionComparing:
    """Candidates that answer with a number."""

    column = "prediction"

    def labels(self, metrics: Mapping[str, Any]) -> tuple[str, ...]:
        return ()

    def predicted(self, table: "pa.Table", labels: tuple[str, ...], paths: RunPaths) -> NDArray[Any]:
        found: NDArray[Any] = table[self.column].to_numpy().astype(np.float64)
        _refuse_broken(~np.isfinite(found), "answer", paths)
        return found

    def resampled(
        self,
        actual: Sequence[str],
        labels: tuple[str, ...],
        predictions: Sequence[NDArray[Any]],
        settings: Selection,
    ) -> Resampled:
        y_true = np.array(to_numbers(actual))
        return bootstrap_numbers(y_true, predictions, resamples=settings.resamples, seed=settings.seed)


def _refuse_broken(broken: NDArray[np.bool_], what: str, paths: RunPaths) -> None:
    if broken.any():
        raise ModelError(
            f"candidate {paths.root.name!r} answers {broken.sum()} of {len(broken)} validation rows with NaN or "
            f"infinity, but every {what} must be a finite number: lower its learning rate, train it in fp32, or remove "
            "it"
        )


_COMPARING: Mapping[ProblemType, Comparing] = {
    CLASSIFICATION.name: ClassificationComparing(),
    REGRESSION.name: RegressionComparing(),
}


def comparing_by(metric: str) -> Comparing:
    """How candidates are compared by a metric: it belongs to one kind of problem."""
    return _COMPARING[problem_of(metric).name]
