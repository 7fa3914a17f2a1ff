"""What the table of answers says: metric by severity, mean drop, and how many answers change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Draws, Interval, Resampled, bootstrap
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.codec import Answers, Codec


@dataclass(frozen=True)
class AtSeverity:
    """A perturbation at one severity.

    Attributes:
        value: of the metric.
        drop: how much worse than without perturbation, on the same resamples; above 0 is worse.
        flipped: the share of rows with another answer.
        touched: the share of rows whose content was changed at all.
    """

    severity: int
    value: Interval
    drop: Interval
    flipped: float
    touched: float


@dataclass(frozen=True)
class Result:
    """A perturbation at all severities. Attributes: drop: the mean of the drops, and its interval."""

    name: str
    drop: Interval
    flipped: float
    severities: tuple[AtSeverity, ...]

    @property
    def touched(self) -> float:
        """The mean share of rows whose content was changed."""
        return float(np.mean([one.touched for one in self.severities]))


@dataclass(frozen=True)
class Measured:
    """All numbers of the report. Attributes: clean: the metric without perturbation; results: the worst first."""

    metric: Metric
    rows: int
    draws: Draws
    clean: Interval
    results: tuple[Result, ...]

    def as_json(self) -> dict[str, Any]:
        """The content of robustness.json."""
        return {
            "metric": self.metric.name,
            "title": self.metric.title,
            "rows": self.rows,
            "confidence": self.draws.confidence,
            "resamples": self.draws.resamples,
            "clean": self.clean.value,
            "clean_interval": _ends(self.clean),
            "mean_drop": float(np.mean([one.drop.value for one in self.results])),
            "flip_rate": float(np.mean([one.flipped for one in self.results])),
            "perturbations": {one.name: _as_json(one) for one in self.results},
        }


def _as_json(result: Result) -> dict[str, Any]:
    by_severity = [
        {
            "severity": one.severity,
            "value": one.value.value,
            "interval": _ends(one.value),
            "drop": one.drop.value,
            "drop_interval": _ends(one.drop),
            "flip_rate": one.flipped,
            "touched": one.touched,
        }
        for one in result.severities
    ]
    # Lists: `dvc metrics show` would make a column of every number in a mapping.
    return {
        "mean_drop": result.drop.value,
        "interval": _ends(result.drop),
        "flip_rate": result.flipped,
        "severities": by_severity,
    }


def _ends(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def measured(codec: Codec, table: pd.DataFrame, metric: Metric, draws: Draws) -> Measured:
    """All numbers, from the columns of predictions.parquet alone."""
    clean = table[table["severity"] == 0]
    results = []
    known = codec.read(clean)
    for name in [one for one in table["perturbation"].unique() if one]:
        own = table[table["perturbation"] == name]
        at = {int(severity): own[own["severity"] == severity] for severity in own["severity"].unique()}
        answers = [codec.read(rows) for rows in at.values()]
        resampled = _resampled(codec, clean, [known, *answers], draws)
        levels = [
            AtSeverity(
                severity,
                resampled.interval(metric.name, place, draws.confidence),
                _drop(resampled, metric, [place], draws.confidence),
                float(codec.differ(known, answers[place - 1], codec).mean()),
                float(rows["touched"].mean()),
            )
            for place, (severity, rows) in enumerate(at.items(), start=1)
        ]
        levels.sort(key=lambda one: one.severity)
        drop = _drop(resampled, metric, range(1, len(at) + 1), draws.confidence)
        results.append(Result(name, drop, float(np.mean([one.flipped for one in levels])), tuple(levels)))
    results.sort(key=lambda one: (-one.drop.value, one.name))
    alone = _resampled(codec, clean, [known], draws).interval(metric.name, 0, draws.confidence)
    return Measured(metric, len(clean), draws, alone, tuple(results))


def _resampled(codec: Codec, clean: pd.DataFrame, answers: Sequence[Answers], draws: Draws) -> Resampled:
    groups = clean["group"].tolist() if codec.judge.by_group and "group" in clean else None
    return bootstrap(codec.judge, clean["label"].tolist(), answers, draws, groups=groups)


def _drop(resampled: Resampled, metric: Metric, places: Sequence[int], confidence: float) -> Interval:
    """The mean, over severities, of how much worse the metric is than that of the first answers; paired."""
    sign = -1.0 if metric.lower else 1.0

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The drop of values (m, ...), the first of which belong to the rows as they are."""
        found: NDArray[np.float64] = sign * (values[0] - values[list(places)]).mean(axis=0) + 0.0
        return found

    value, drawn = mean(resampled.point[metric.name]), mean(resampled.draws[metric.name])
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(value), float(low), float(high))


def said(written: Mapping[str, Any]) -> str:
    """The finding in a line. Args: written: the content of robustness.json."""
    worst = max(written["perturbations"], key=lambda name: written["perturbations"][name]["mean_drop"])
    drop = written["perturbations"][worst]["mean_drop"]
    return (
        f"{written['title']} {written['clean']:.4g} on {written['rows']} validation rows, worse by "
        f"{written['mean_drop']:.4g} on average when perturbed, most by {worst} ({drop:.4g}); "
        f"{100 * written['flip_rate']:.1f}% of the answers change"
    )
