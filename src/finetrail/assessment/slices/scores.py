"""What the table of rows says of each slice: how much worse it is, and whether that may be chance."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from finetrail.assessment.slices.tested import corrected, p_value
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.scores.sliced import SliceScore, SliceTable, slice_table

_BOUNDS = {"min": "at least", "max": "at most"}


@dataclass(frozen=True)
class Described:
    """A slice in words. Attributes: conditions: as params.yaml declares them; cluster, words: of a cluster."""

    conditions: Mapping[str, Any]
    cluster: int | None
    words: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """For people."""
        if self.cluster is not None:
            return f"cluster {self.cluster}" + (f": {', '.join(self.words)}" if self.words else "")
        return ", ".join(_spoken(*part) for part in self.parts)

    @property
    def name(self) -> str:
        """As params.yaml names a slice."""
        return " ".join(re.sub(r"[^\w -]", " ", self.title).split())[:64]

    @property
    def parts(self) -> list[tuple[str, Any]]:
        """The conditions in order."""
        return sorted(self.conditions.items())


@dataclass(frozen=True)
class Tested:
    """A slice and its test. Attributes: corrected: its p value for all tests together; found: whether it is worse."""

    number: int
    about: Described
    score: SliceScore
    p: float
    corrected: float
    found: bool

    def as_json(self) -> dict[str, Any]:
        """One entry of slices.json."""
        about = self.about
        own = {"conditions": dict(about.parts)} if about.cluster is None else {"cluster": about.cluster}
        words = {"words": list(about.words)} if about.words else {}
        tested = {"p": self.p, "corrected_p": self.corrected, "found": self.found, "number": self.number}
        return {"title": about.title, **own, **words, **tested, **self.score.as_json()}


@dataclass(frozen=True)
class Measured:
    """All numbers of the report.

    Attributes:
        rows: of the validation split; searching: those that searched, the others tested.
        error: the mean error of all rows.
        looked_at: slices that the search compared.
        results: the slices that were tested: those found first, then by p value.
        table: their scores on the testing half.
    """

    metric: Metric
    rows: int
    searching: int
    error: float
    looked_at: int
    false_discoveries: float
    results: tuple[Tested, ...]
    table: SliceTable

    @property
    def found(self) -> list[Tested]:
        """The slices that are worse than the rest."""
        return [one for one in self.results if one.found]

    def as_json(self) -> dict[str, Any]:
        """The content of slices.json."""
        return {
            "metric": self.metric.name,
            "title": self.metric.title,
            "rows": self.rows,
            "searching_rows": self.searching,
            "error": self.error,
            "looked_at": self.looked_at,
            "tested": len(self.results),
            "found": len(self.found),
            "false_discoveries": self.false_discoveries,
            # A list: `dvc metrics show` would make a column of every number in a mapping.
            "slices": [one.as_json() for one in self.results],
        }


@dataclass(frozen=True)
class Asked:
    """What was searched for. Attributes: slices: what the numbers in column `slices` of the table mean, in order."""

    slices: Sequence[Described]
    looked_at: int
    false_discoveries: float
    seed: int


def _spoken(key: str, value: Any) -> str:
    """A condition in words."""
    bound, _, measure = key.partition("_")
    if bound in _BOUNDS and measure:
        return f"{measure} {_BOUNDS[bound]} {value}"
    if isinstance(value, Mapping):
        return ", ".join(_spoken(column, those) for column, those in value.items())
    return f"{key} {' or '.join(value)}"


def measured(metric: Metric, table: pd.DataFrame, asked: Asked, draws: Draws, *, by_group: bool) -> Measured:
    """All numbers, from the columns of predictions.parquet alone.

    Args:
        metric: what the mean of column `error` is.
        by_group: draw whole groups for intervals, where there are groups.
    """
    errors = table["error"].to_numpy()
    testing = (table["half"] == "test").to_numpy()
    sets = [set(one) for one in table["slices"]]
    members = [np.array([number in one for one in sets], dtype=np.bool_) for number in range(len(asked.slices))]
    p, left = [], testing.copy()
    for rows in members:
        p.append(p_value(errors[left], rows[left], asked.seed))
        left &= ~rows
    numbered = {f"{number}": rows[testing] for number, rows in enumerate(members)}
    groups = table["group"][testing].tolist() if by_group and "group" in table else None
    scores = slice_table(metric, errors[testing], numbered, draws, groups)
    results = []
    for number, (one, each) in enumerate(zip(p, corrected(p), strict=True)):
        about, found = asked.slices[number], each <= asked.false_discoveries
        score = _named(scores.slices[number], about.title)
        results.append(Tested(number, about, score, one, each, found))
    results.sort(key=lambda one: (one.corrected, one.p, one.number))
    return Measured(
        metric,
        len(table),
        int((~testing).sum()),
        float(errors.mean()),
        asked.looked_at,
        asked.false_discoveries,
        tuple(results),
        SliceTable(metric, int(testing.sum()), draws, tuple(one.score for one in results)),
    )


def _named(score: SliceScore, name: str) -> SliceScore:
    return SliceScore(name, score.rows, score.error, score.rest, score.difference)


def said(written: Mapping[str, Any]) -> str:
    """The finding in a line. Args: written: the content of slices.json."""
    looked = f"{written['looked_at']} slices looked at, {written['tested']} tested on {_testing(written)} rows"
    found = [one for one in written["slices"] if one["found"]]
    if not found:
        return f"{looked}: none is worse than the rest beyond chance"
    worst = max(found, key=lambda one: one["difference"][0])
    values = f"{written['title']} {worst['error']:.4g} against {worst['rest'][0]:.4g}"
    return f"{looked}: {len(found)} worse than the rest, most of all {worst['title']} ({values})"


def _testing(written: Mapping[str, Any]) -> int:
    return int(written["rows"]) - int(written["searching_rows"])
