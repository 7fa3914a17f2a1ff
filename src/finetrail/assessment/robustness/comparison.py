"""The errors on perturbed rows against those of a baseline.

Hendrycks & Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and Perturbations (2019): the
corruption error of a perturbation is the sum, over the severities, of a model's errors, over that of the baseline. The
relative one takes off the error of each on the rows as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finetrail.assessment.curves.scores import AS_IT_IS, At, Curves, ends
from finetrail.evaluation.scores.bootstrap import Floats, Interval
from finetrail.evaluation.scores.metric import Metric


@dataclass(frozen=True)
class Errors:
    """Those under a perturbation; 1 is as good as the baseline, below is better.

    Attributes:
        ce: the corruption error; None where the baseline makes no error.
        relative: None where the baseline does not certainly get worse.
    """

    ce: Interval | None
    relative: float | None


@dataclass(frozen=True)
class Compared:
    """A model against a baseline.

    Attributes:
        clean: the metric of the baseline on the rows as they are.
        drop: how much worse the baseline is on perturbed rows, on average.
        mean: of the corruption errors; None where there is none.
        relative: the mean of the relative ones.
        errors: by perturbation.
    """

    baseline: str
    clean: float
    drop: Interval
    mean: Interval | None
    relative: float | None
    errors: Mapping[str, Errors]

    def as_json(self) -> dict[str, Any]:
        """Key `baseline` of robustness.json."""
        by_name = [
            {
                "perturbation": name,
                "ce": one.ce and one.ce.value,
                "ce_interval": one.ce and ends(one.ce),
                "relative_ce": one.relative,
            }
            for name, one in self.errors.items()
        ]
        return {
            "candidate": self.baseline,
            "clean": self.clean,
            "mean_drop": self.drop.value,
            "mean_drop_interval": ends(self.drop),
            "mce": self.mean and self.mean.value,
            "mce_interval": self.mean and ends(self.mean),
            "relative_mce": self.relative,
            "errors": by_name,
        }


def compared(curves: Curves, metric: Metric) -> Compared | None:
    """The first model of a table of answers against the second; None where there is but one."""
    if len(curves.candidates) < 2:
        return None
    other = curves.candidates[1]
    errors = {name: _errors(curves, metric, curves.of(name)) for name in curves.all_ways}
    whole = [name for name, one in errors.items() if one.ce is not None]
    relative = [one.relative for one in errors.values() if one.relative is not None]
    return Compared(
        other,
        float(curves.resampled.point[metric.name][curves.place(other, AS_IT_IS)]),
        curves.drop(metric, other, [at for name in curves.all_ways for at in curves.of(name)]),
        _ratio(curves, metric, [curves.of(name) for name in whole]) if whole else None,
        float(np.mean(relative)) if relative else None,
        errors,
    )


def _errors(curves: Curves, metric: Metric, at: Sequence[At]) -> Errors:
    own, other = curves.candidates[:2]
    lost, lost_by_other = (curves.drop(metric, who, at) for who in (own, other))
    relative = lost.value / lost_by_other.value if lost_by_other.low > 0 else None
    return Errors(_ratio(curves, metric, [at]), relative)


def _ratio(curves: Curves, metric: Metric, ways: Sequence[Sequence[At]]) -> Interval | None:
    """The mean over ways of the ratio of the errors; None where it is not finite in every resample."""
    places = [[[curves.place(who, one) for one in at] for who in curves.candidates[:2]] for at in ways]

    def ratio(values: Floats) -> Floats:
        errors = values if metric.lower else 1 - values
        with np.errstate(divide="ignore", invalid="ignore"):
            found = [errors[own].sum(axis=0) / errors[other].sum(axis=0) for own, other in places]
        mean: Floats = np.mean(found, axis=0)
        return mean

    if not np.isfinite(ratio(curves.resampled.draws[metric.name])).all():
        return None
    return curves.resampled.interval_of(metric.name, ratio, curves.draws.confidence)
