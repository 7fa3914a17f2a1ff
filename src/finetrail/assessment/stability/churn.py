"""Churn: how often two trainings of one candidate answer a row differently (Milani Fard et al. 2016)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from finetrail.assessment.stability.spread import Ends
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.targets.results import Run


@dataclass(frozen=True)
class Churn:
    """The mean share of rows with another answer, over all pairs of trainings. Attributes: ends: over the rows."""

    value: float
    ends: Ends

    def as_json(self) -> dict[str, Any]:
        """For stability.json."""
        return {"churn": self.value, "churn_interval": self.ends.as_json()}


def churn_of(runs: Sequence[Run], draws: Draws) -> Churn:
    """Compare all pairs of more than one training; the interval is a bootstrap over the rows."""
    pairs = list(combinations(runs, 2))
    changed = sum(one.codec.differ(one.answers, other.answers, other.codec).astype(np.int64) for one, other in pairs)
    # Rows with equally many changes are alike: how often each kind is drawn is multinomial.
    kinds, counts = np.unique(np.asarray(changed), return_counts=True)
    rows = int(counts.sum())
    drawn = np.random.default_rng(draws.seed).multinomial(rows, counts / rows, size=draws.resamples)
    shares = drawn @ kinds / (rows * len(pairs))
    low, high = np.quantile(shares, [(1 - draws.confidence) / 2, (1 + draws.confidence) / 2])
    return Churn(float(kinds @ counts) / (rows * len(pairs)), Ends(float(low), float(high)))
