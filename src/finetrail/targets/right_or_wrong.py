"""Judges of answers that are right or wrong, row by row."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Draws, Floats
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.slices import SplitRows

if TYPE_CHECKING:
    from finetrail.evaluation.report.section import Section


class RightOrWrong:
    """What such judges share. Attributes: row_error: see `finetrail.targets.judge.Judge`."""

    row_error: ClassVar[Metric] = Metric("error_rate", "share of wrong answers", lower=True)

    @abstractmethod
    def right(self, labels: Sequence[Any], answers: Any) -> NDArray[np.bool_]:
        """Which answers are right (n,)."""

    def row_errors(self, labels: Sequence[Any], answers: Any) -> Floats:
        """1 for each wrong answer, 0 for each right one (n,)."""
        return (~self.right(labels, answers)).astype(np.float64)

    def rivals(self, asked: SplitRows, known: Callable[[], SplitRows]) -> Mapping[str, Any]:
        """None: guessing gives little, and the first gate compares with the best constant."""
        return {}

    def by_content(self, asked: SplitRows, answers: Any, draws: Draws) -> "list[Section]":
        """None: the rows are slices of a report where params.yaml declares them."""
        return []
