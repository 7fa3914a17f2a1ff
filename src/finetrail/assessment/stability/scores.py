"""What the trainings say: how much scores and answers vary, and whether the choice does. All from their answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from finetrail.assessment.stability.churn import Churn, churn_of
from finetrail.assessment.stability.curve import Curve, curve_of
from finetrail.assessment.stability.flips import Flips, flips_of, sets_of
from finetrail.assessment.stability.gathered import Plan, Trained
from finetrail.assessment.stability.settings import Stability
from finetrail.assessment.stability.spread import Parts, Spread, parts_of, spread_of
from finetrail.evaluation.scores.bootstrap import Draws, point_scores
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Selection
from finetrail.targets.choosing import choice_among
from finetrail.targets.codec import refuse_broken
from finetrail.targets.results import REMEDY, Result, Run
from finetrail.targets.target import Target
from finetrail.units.unit import Unit

SHARE = Metric("share", "share of right answers")
"""Groups that a judge tells apart are judged by it."""


@dataclass(frozen=True)
class Asked:
    """How the answers are judged.

    Attributes:
        chosen: the candidate that `select` chose.
        results: what `train` left of the candidates in question, for their rows and costs.
    """

    chosen: str
    target: Target
    results: Sequence[Result]
    plan: Plan
    settings: Stability
    selection: Selection
    metric: Metric

    @property
    def draws(self) -> Draws:
        """Of every bootstrap."""
        return Draws(self.selection.resamples, self.selection.seed, self.selection.confidence)


@dataclass(frozen=True)
class Group:
    """A group of rows that the judge tells apart, such as a class. Attributes: rows: of validation; share: right."""

    name: str
    rows: int
    share: Spread


@dataclass(frozen=True)
class Over:
    """Trainings that differ in one thing. Attributes: groups: the least steady first."""

    spread: Spread
    churn: Churn
    groups: tuple[Group, ...]

    def as_json(self) -> dict[str, Any]:
        """For stability.json."""
        groups = [{"name": one.name, "rows": one.rows, **one.share.as_json()} for one in self.groups]
        return self.spread.as_json() | self.churn.as_json() | {"groups": groups}


@dataclass(frozen=True)
class Steadiness:
    """All about one candidate; None where too few trainings were asked for."""

    candidate: str
    seeds: Over | None
    resamples: Over | None
    parts: Parts | None
    curve: Curve | None

    @property
    def sets(self) -> dict[str, Over]:
        """What there is, by what the trainings differ in."""
        found = {"seeds": self.seeds, "resamples": self.resamples}
        return {name: one for name, one in found.items() if one is not None}

    def as_json(self) -> dict[str, Any]:
        """For stability.json."""
        more = {"variance": self.parts, "curve": self.curve}
        return {name: one.as_json() for name, one in {**self.sets, **more}.items() if one is not None}


@dataclass(frozen=True)
class Measured:
    """All numbers of the report. Attributes: candidates: the chosen one first, if it is among them."""

    asked: Asked
    rows: int
    trainings: int
    candidates: tuple[Steadiness, ...]
    flips: tuple[Flips, ...]

    def as_json(self) -> dict[str, Any]:
        """The content of stability.json, but for the list of trainings."""
        metric, asked = self.asked.metric, self.asked
        return {
            "chosen": asked.chosen,
            "metric": metric.name,
            "title": metric.title,
            "rows": self.rows,
            "trainings": self.trainings,
            "fraction": asked.settings.fraction,
            "confidence": asked.draws.confidence,
            "by": asked.selection.criterion.name,
            "candidates": {one.candidate: one.as_json() for one in self.candidates},
            "flips": [one.as_json() for one in self.flips],
        }


def measured(asked: Asked, trained: Sequence[Trained], table: pd.DataFrame) -> Measured:
    """All numbers.

    Args:
        trained: what each training is; its answers are taken from the table.
        table: the content of predictions.parquet.

    Raises:
        ModelError: an answer is NaN or infinite.
    """
    parts = dict(iter(table.groupby(["candidate", "seed", "fraction"])))
    runs: dict[str, dict[Unit, Run]] = {}
    for one in trained:
        codec = asked.target.codec(one.target)
        answers = codec.read(parts[one.candidate, one.unit.seed, one.unit.fraction].reset_index(drop=True))
        refuse_broken(codec, answers, f"candidate {one.candidate!r} with {one.unit}", REMEDY)
        runs.setdefault(one.candidate, {})[one.unit] = Run(codec, answers)
    counts = {(one.candidate, one.unit): one.rows for one in trained}
    labels = asked.results[0].rows["label"].tolist()
    found = [_steadiness(asked, name, of, labels, counts) for name, of in runs.items()]
    found.sort(key=lambda one: (one.candidate != asked.chosen, one.candidate))
    return Measured(asked, len(labels), len(trained), tuple(found), _flips(asked, runs))


def _steadiness(
    asked: Asked,
    name: str,
    runs: Mapping[Unit, Run],
    labels: Sequence[Any],
    counts: Mapping[tuple[str, Unit], int],
) -> Steadiness:
    plan, confidence = asked.plan, asked.draws.confidence
    seeds = _over([runs[unit] for unit in plan.seeds], labels, asked)
    resamples = _over([runs[unit] for unit in plan.resamples], labels, asked)
    parts = None
    if seeds is not None and resamples is not None:
        parts = parts_of(seeds.spread, resamples.spread, asked.settings.fraction, confidence)
    curve = None
    if plan.curve:
        values: dict[int, list[float]] = {}
        for units in (*plan.curve.values(), plan.resamples, plan.seeds if len(plan.seeds) > 1 else ()):
            size = round(float(np.mean([counts[name, unit] for unit in units] or [0])))
            if units and size not in values:  # a share of the curve may be that of the resamples
                values[size] = [_score(runs[unit], labels, asked.metric) for unit in units]
        curve = curve_of(values, asked.metric, asked.draws)
    return Steadiness(name, seeds, resamples, parts, curve)


def _over(runs: Sequence[Run], labels: Sequence[Any], asked: Asked) -> Over | None:
    if len(runs) < 2:
        return None
    confidence = asked.draws.confidence
    spread = spread_of([_score(run, labels, asked.metric) for run in runs], asked.metric, confidence)
    return Over(spread, churn_of(runs, asked.draws), _groups(runs, labels, confidence))


def _score(run: Run, labels: Sequence[Any], metric: Metric) -> float:
    return point_scores(run.codec.judge, labels, run.answers)[metric.name]


def _groups(runs: Sequence[Run], labels: Sequence[Any], confidence: float) -> tuple[Group, ...]:
    shares: dict[str, list[float]] = {}
    rows: dict[str, int] = {}
    for run in runs:
        for name, (counts, right) in run.codec.judge.groups(labels, run.answers).items():
            if counts.any():
                rows[name] = int(counts.sum())
                shares.setdefault(name, []).append(float(right[counts].mean()))
    # What counts as a row of a group may depend on the answers, so that a training may have none.
    found = [Group(one, rows[one], spread_of(of, SHARE, confidence)) for one, of in shares.items() if len(of) > 1]
    return tuple(sorted(found, key=lambda one: (-one.share.std, one.name)))


def _flips(asked: Asked, runs: Mapping[str, Mapping[Unit, Run]]) -> tuple[Flips, ...]:
    if len(asked.results) < 2:
        return ()
    plan, selection, metric = asked.plan, asked.selection, asked.metric
    before = choice_among(asked.results, selection, metric).chosen
    # The first seed is what was chosen by: alone it cannot flip.
    seeds = plan.seeds if selection.criterion.factor is not None else plan.seeds[1:]
    found = []
    for over, units in (("seeds", seeds), ("resamples", plan.resamples)):
        if units:
            of = {name: [own[unit] for unit in units] for name, own in runs.items()}
            found.append(flips_of(over, sets_of(asked.results, of, selection), before, selection, metric))
    return tuple(one for one in found if one is not None)


def said(written: Mapping[str, Any]) -> str:
    """The finding in a line. Args: written: the content of stability.json."""
    name, first = next(iter(written["candidates"].items()))
    parts = []
    for what, by in (("seeds", "seed"), ("resamples", "training rows")):
        if what in first:
            one = first[what]
            values = f"{one['mean']:.4g} on average, standard deviation {one['std']:.3g}, worst {one['worst']:.4g}"
            churn = f"{100 * one['churn']:.1f}% of the answers change with the {by}"
            parts.append(f"over {one['trainings']} {what} {values}, {churn}")
    flips = [f"{one['share'] * one['sets']:.0f} of {one['sets']} {one['over']}" for one in written["flips"]]
    choice = f"; another choice with {' and '.join(flips)}" if flips else ""
    whose = "" if name == written["chosen"] else f" of {name}"
    return f"{written['title']}{whose} {'; '.join(parts)}{choice}"
