"""What a table of answers says: the metric by strength, its mean drop, and how many answers change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from finetrail.assessment.curves.sample import CANDIDATE, TOUCHED
from finetrail.assessment.curves.ways import Ways
from finetrail.evaluation.scores.bootstrap import Draws, Interval, Resampled, bootstrap, mean_drop
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.codec import Answers, Codec

AS_IT_IS = ("", 0)
At = tuple[str, int]
"""A way and a strength."""


@dataclass(frozen=True)
class AtStrength:
    """A way at one strength.

    Attributes:
        value: of the metric.
        drop: how much worse than as it is, on the same resamples; above 0 is worse.
        flipped: the share of rows with another answer.
        surer: how much more confident the answers are, on average; None where they say nothing of it.
        touched: the share of rows whose content was changed at all.
    """

    strength: int
    value: Interval
    drop: Interval
    flipped: float
    surer: float | None
    touched: float


@dataclass(frozen=True)
class Result:
    """A way at all strengths. Attributes: drop: the mean of the drops, and its interval."""

    name: str
    drop: Interval
    levels: tuple[AtStrength, ...]

    @property
    def flipped(self) -> float:
        """The mean share of rows with another answer."""
        return float(np.mean([one.flipped for one in self.levels]))

    @property
    def touched(self) -> float:
        """The mean share of rows whose content was changed."""
        return float(np.mean([one.touched for one in self.levels]))

    @property
    def surer(self) -> float | None:
        """The mean shift of the confidence."""
        shifts = [one.surer for one in self.levels if one.surer is not None]
        return float(np.mean(shifts)) if shifts else None


@dataclass(frozen=True)
class Curves:
    """All answers of a table of answers, scored on the same resamples of their rows.

    Attributes:
        table: its columns; see `Sample.table`.
        codec: of all its answers.
    """

    ways: Ways
    codec: Codec
    table: pd.DataFrame
    draws: Draws

    @cached_property
    def _parts(self) -> dict[tuple[str, str, int], pd.DataFrame]:
        keys = [CANDIDATE, self.ways.way, self.ways.strength]
        found: Any = self.table.groupby(keys, sort=False)
        return {(str(who), str(way), int(at)): rows for (who, way, at), rows in found}

    @property
    def candidates(self) -> list[str]:
        """The models, in the order of the table."""
        return list(dict.fromkeys(who for who, _, _ in self._parts))

    def rows(self, candidate: str, at: At) -> pd.DataFrame:
        """The rows of the table that hold the answers of a model."""
        return self._parts[candidate, *at]

    @cached_property
    def _answers(self) -> dict[tuple[str, str, int], Answers]:
        return {key: self.codec.read(rows) for key, rows in self._parts.items()}

    def answers(self, candidate: str, at: At) -> Answers:
        """The answers of a model."""
        return self._answers[candidate, *at]

    def of(self, way: str) -> list[At]:
        """A way at its strengths, ascending."""
        return sorted({(name, at) for _, name, at in self._parts if name == way})

    @property
    def all_ways(self) -> list[str]:
        """Their names, in the order of the table."""
        return [name for name in dict.fromkeys(way for _, way, _ in self._parts) if name]

    @cached_property
    def resampled(self) -> Resampled:
        """Every metric of all answers; `place` says which is which."""
        clean = self.rows(self.candidates[0], AS_IT_IS)
        judge = self.codec.judge
        groups = clean["group"].tolist() if judge.by_group and "group" in clean else None
        return bootstrap(judge, clean["label"].tolist(), list(self._answers.values()), self.draws, groups=groups)

    def place(self, candidate: str, at: At) -> int:
        """Where the answers of a model stand in `resampled`."""
        return list(self._answers).index((candidate, *at))

    def drop(self, metric: Metric, candidate: str, at: Sequence[At]) -> Interval:
        """How much worse a model is on average there than on the contents as they are."""
        became = [self.place(candidate, one) for one in at]
        return mean_drop(self.resampled, metric, self.place(candidate, AS_IT_IS), became, self.draws.confidence)


@dataclass(frozen=True)
class Measured:
    """All numbers of a report on one model.

    Attributes:
        clean: the metric on the contents as they are.
        drop: the mean over all ways and strengths.
        results: the costliest first.
    """

    ways: Ways
    metric: Metric
    rows: int
    draws: Draws
    clean: Interval
    drop: Interval
    results: tuple[Result, ...]

    def as_json(self) -> dict[str, Any]:
        """The main content of a JSON file."""
        surer = [one.surer for one in self.results if one.surer is not None]
        return {
            "metric": self.metric.name,
            "title": self.metric.title,
            "rows": self.rows,
            "confidence": self.draws.confidence,
            "resamples": self.draws.resamples,
            "clean": self.clean.value,
            "clean_interval": ends(self.clean),
            "mean_drop": self.drop.value,
            "mean_drop_interval": ends(self.drop),
            "flip_rate": float(np.mean([one.flipped for one in self.results])),
            **_shift(float(np.mean(surer)) if surer else None),
            self.ways.ways: {one.name: self._result(one) for one in self.results},
        }

    def _result(self, result: Result) -> dict[str, Any]:
        by_strength = [
            {
                self.ways.strength: one.strength,
                "value": one.value.value,
                "interval": ends(one.value),
                "drop": one.drop.value,
                "drop_interval": ends(one.drop),
                "flip_rate": one.flipped,
                "touched": one.touched,
                **_shift(one.surer),
            }
            for one in result.levels
        ]
        # Lists: `dvc metrics show` would make a column of every number in a mapping.
        return {
            "mean_drop": result.drop.value,
            "interval": ends(result.drop),
            "flip_rate": result.flipped,
            **_shift(result.surer),
            self.ways.strengths: by_strength,
        }


def measured(curves: Curves, metric: Metric) -> Measured:
    """All numbers of the first model of a table of answers."""
    who, confidence = curves.candidates[0], curves.draws.confidence
    results = []
    for name in curves.all_ways:
        levels = tuple(_level(curves, metric, at) for at in curves.of(name))
        results.append(Result(name, curves.drop(metric, who, curves.of(name)), levels))
    results.sort(key=lambda one: (-one.drop.value, one.name))
    every = [at for name in curves.all_ways for at in curves.of(name)]
    clean = curves.resampled.interval(metric.name, curves.place(who, AS_IT_IS), confidence)
    rows = len(curves.rows(who, AS_IT_IS))
    return Measured(curves.ways, metric, rows, curves.draws, clean, curves.drop(metric, who, every), tuple(results))


def _level(curves: Curves, metric: Metric, at: At) -> AtStrength:
    who, codec = curves.candidates[0], curves.codec
    was, became = curves.answers(who, AS_IT_IS), curves.answers(who, at)
    before, after = codec.confidence(was), codec.confidence(became)
    return AtStrength(
        at[1],
        curves.resampled.interval(metric.name, curves.place(who, at), curves.draws.confidence),
        curves.drop(metric, who, [at]),
        float(codec.differ(was, became, codec).mean()),
        None if before is None or after is None else float((after - before).mean()),
        float(curves.rows(who, at)[TOUCHED].mean()),
    )


def ends(interval: Interval) -> list[float]:
    """The ends of an interval, for a JSON file."""
    return [interval.low, interval.high]


def _shift(surer: float | None) -> Mapping[str, float]:
    return {} if surer is None else {"confidence_shift": surer}
