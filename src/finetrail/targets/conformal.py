"""Answers that hold with a stated frequency: split-conformal prediction.

Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005); the score of a class: Sadinle, Lei &
Wasserman, Least Ambiguous Set-Valued Classifiers with Bounded Error Levels (2019). New rows like the validation rows
are covered with at least the stated frequency; the validation rows also chose the epoch and the temperature, so stage
`test` measures what is left of it.
"""

import math
from dataclasses import dataclass

import numpy as np

from finetrail.errors import TrainingError
from finetrail.evaluation.scores.bootstrap import Floats

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""The shares of rows for which the error of a number is kept."""


@dataclass(frozen=True)
class Promise:
    """What was asked for, and what came of it on rows that nothing was fitted on.

    Attributes:
        wanted: the stated frequency.
        share: the same frequency, measured.
        size: what it costs: classes in a set, the width of an interval, or the share of rows that are answered.
    """

    wanted: float
    share: float
    size: float


def promised(rows: int, coverage: float) -> bool:
    """Whether so many validation rows are enough for that coverage."""
    return _rank(rows, coverage) <= rows


def conformal_quantile(scores: Floats, coverage: float) -> float:
    """The score that a new row exceeds with a probability of at most 1 - `coverage`.

    Args:
        scores: how strange the label of each validation row was to the model (n,).
        coverage: between 0 and 1.

    Raises:
        TrainingError: there are too few rows to promise so much.
    """
    if not promised(len(scores), coverage):
        needed = math.ceil(round(coverage / (1 - coverage), 9))
        raise TrainingError(
            f"train.coverage is {coverage:g}, which takes at least {needed} validation rows, but there are "
            f"{len(scores)}; lower train.coverage, or set split.val higher"
        )
    return float(np.sort(scores)[_rank(len(scores), coverage) - 1])


def _rank(rows: int, coverage: float) -> int:
    return math.ceil(round((rows + 1) * coverage, 9))
