"""How good the answers of a model are, and what a report says of them. Numpy alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.codec import Answers

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from markupsafe import Markup
    from numpy.typing import NDArray

    from finetrail.evaluation.report.gallery import Gallery, Identified
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.report.section import Section, Story
    from finetrail.evaluation.scores.bootstrap import Draws, Interval
    from finetrail.evaluation.slices import SplitRows
    from finetrail.targets.suspicion import Suspicion

    Right = NDArray[np.bool_]
    """Whether a model is right, one a row (n,)."""
    Scored = NDArray[np.float64]
    """How right it is, 0 to 1, one a row (n,)."""


class Judge(Protocol):
    """How good answers are. Numpy alone.

    Attributes:
        by_group: whether intervals are drawn by whole groups of rows, where there are groups.
        row_error: what the mean of `row_errors` is.
    """

    @property
    def by_group(self) -> bool: ...

    @property
    def row_error(self) -> Metric: ...

    def facts(self, labels: Sequence[Any], answers: Answers) -> "NDArray[Any]":
        """What the metrics need to know of each row (n, S); see `finetrail.evaluation.scores.bootstrap`."""
        ...

    def scores(self, facts: "NDArray[Any]", drawn: "NDArray[np.int64]") -> "dict[str, NDArray[np.float64]]":
        """Every metric (R,), from facts (D, S) and how often each was drawn (R, D)."""
        ...

    def right(self, labels: Sequence[Any], answers: Answers) -> "Right | None":
        """Which answers are right (n,); None where an answer is neither right nor wrong."""
        ...

    def row_errors(self, labels: Sequence[Any], answers: Answers) -> "NDArray[np.float64]":
        """How wrong each answer is (n,), 0 for a right one: what slices of rows are compared by."""
        ...

    def alike(self, label: Any, other: Any) -> bool | None:
        """Whether two labels say the same; None where labels of different rows cannot be compared."""
        ...

    def constant(self, labels: Sequence[Any]) -> Answers:
        """The best constant answer to these rows: the rival of a first champion."""
        ...

    def rivals(self, asked: "SplitRows", known: "Callable[[], SplitRows]") -> Mapping[str, Answers]:
        """Answers to rows that need no model, by what they are; empty for a kind of target that has none.

        Args:
            known: gives the training rows.
        """
        ...

    def by_content(self, asked: "SplitRows", answers: Answers, draws: "Draws") -> "list[Section]":
        """What a report says of the rows by what they hold, such as the length of a text; empty for most kinds."""
        ...

    def groups(self, labels: Sequence[Any], answers: Answers) -> "Mapping[str, tuple[Right, Right | Scored]]":
        """What the gate judges apart, by name: which rows count (n,), and which of all are right, or how right."""
        ...

    def errors(self, labels: Sequence[Any], answers: Answers) -> "Mapping[str, float]":
        """What else the gate bounds, such as a calibration error, by name; lower is better."""
        ...

    def evaluate(
        self, rows: "pd.DataFrame", answers: Answers, draws: "Draws", trained: Mapping[str, Any]
    ) -> "Evaluation":
        """All that a report shows.

        Args:
            rows: id and label of each, and group where there are groups.
            trained: the details.json of the training.
        """
        ...

    def suspicion(self, labels: Sequence[Any], answers: Answers) -> "Suspicion":
        """Which labels are probably wrong.

        Args:
            answers: to each row by a model that was not trained on it.
        """
        ...

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        """What a model card says of a test's details.json besides the metrics, in paragraphs of Markdown."""
        ...

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        """What a user of the model should be warned of, in sentences."""
        ...


class Evaluation(Protocol):
    """A model's answers to a split, measured.

    Attributes:
        metrics: the kind's, in its order, with intervals.
        worst: the worst mistakes, the worst first.
        more: further values for details.json, beside them.
        wanted: ids of the rows whose contents the report shows.
    """

    @property
    def metrics(self) -> "Mapping[str, Interval]": ...

    @property
    def worst(self) -> "Sequence[Identified]": ...

    @property
    def more(self) -> Mapping[str, float]: ...

    @property
    def wanted(self) -> set[str]: ...

    def story(self, gallery: "Gallery") -> "Story":
        """What the report says."""
        ...

    def mistakes(self, previews: "Mapping[str, Preview]") -> "pd.DataFrame":
        """The worst mistakes, for errors.csv."""
        ...

    def plots(self) -> "Mapping[str, Markup]":
        """The figures that `dvc plots` shows and compares, by name."""
        ...

    def logged(self) -> Mapping[str, float]:
        """What MLflow shows besides the metrics."""
        ...
