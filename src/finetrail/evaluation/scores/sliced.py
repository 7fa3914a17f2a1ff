"""How wrong a model is on slices of rows, and how much more than on the rest: one table for every report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import BLOCK, Draws, Floats, Interval
from finetrail.evaluation.scores.metric import Metric

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class SliceScore:
    """How wrong the answers to the rows of a slice are.

    Attributes:
        error: the mean error of its rows; None where it has none.
        rest: that of all other rows; None where there are none.
        difference: `error` - `rest`; above 0 the slice is worse.
    """

    name: str
    rows: int
    error: Interval | None
    rest: Interval | None
    difference: Interval | None

    def as_json(self) -> dict[str, Any]:
        """Single numbers are those that `dvc metrics` compares; intervals are lists, which it leaves out."""
        found: dict[str, Any] = {"rows": [self.rows]}
        for name in ("error", "rest", "difference"):
            if (one := getattr(self, name)) is not None:
                found |= {f"{name}_interval": [one.low, one.high]}
                found |= {name: one.value if name == "error" else [one.value]}
        return found


@dataclass(frozen=True)
class SliceTable:
    """All slices of a split. Attributes: metric: what an error is, as a mean over rows; rows: of the split."""

    metric: Metric
    rows: int
    draws: Draws
    slices: tuple[SliceScore, ...]


def slice_table(
    metric: Metric,
    errors: Floats,
    slices: Mapping[str, Bools],
    draws: Draws,
    groups: Sequence[object] | None = None,
) -> SliceTable:
    """Compare slices with the rows outside of them, by bootstrap intervals.

    Args:
        errors: of the rows (n,).
        slices: the rows (n,) of each.
        groups: of the rows (n,), to draw whole groups; None: single rows.
    """
    if not slices:
        return SliceTable(metric, len(errors), draws, ())
    inside = np.stack(list(slices.values()), axis=1).astype(np.float64)  # (n, S)
    ones = np.ones((len(errors), 1))
    facts = np.concatenate([inside, inside * errors[:, None], ones, errors[:, None]], axis=1)  # (n, 2 S + 2)
    if groups is not None:
        facts = _sums(facts, groups)
    point = _means(facts.sum(axis=0, keepdims=True))
    drawn = np.concatenate(list(_resampled(facts, draws)), axis=1)  # (2, R, S)
    scores = tuple(
        _score(name, int(inside[:, place].sum()), point[:, 0, place], drawn[:, :, place], draws.confidence)
        for place, name in enumerate(slices)
    )
    return SliceTable(metric, len(errors), draws, scores)


def _sums(facts: Floats, groups: Sequence[object]) -> Floats:
    """The facts of each group (G, S), added up over its rows; a row without a group is its own group."""
    numbers: dict[object, int] = {}
    keys = [("row", row) if group is None else ("group", group) for row, group in enumerate(groups)]
    places = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    found = np.zeros((len(numbers), facts.shape[1]), dtype=facts.dtype)
    np.add.at(found, places, facts)
    return found


def _resampled(facts: Floats, draws: Draws) -> Iterator[Floats]:
    """The means on resamples of the rows, or groups, that facts (D, 2 S + 2) belong to: (2, r, S) in parts."""
    generator = np.random.default_rng(draws.seed)
    size = max(1, BLOCK // len(facts))
    for start in range(0, draws.resamples, size):
        shape = min(size, draws.resamples - start)
        counts = generator.multinomial(len(facts), np.full(len(facts), 1 / len(facts)), size=shape)
        yield _means(counts @ facts)


def _means(totals: Floats) -> Floats:
    """The mean error in each slice and outside of it (2, r, S), from sums (r, 2 S + 2); NaN where there is no row."""
    slices = totals.shape[1] // 2 - 1
    rows, errors = totals[:, :slices], totals[:, slices : 2 * slices]
    both = [(errors, rows), (totals[:, -1:] - errors, totals[:, -2:-1] - rows)]
    return np.stack([np.divide(sum_, n, out=np.full(n.shape, np.nan), where=n > 0.5) for sum_, n in both])


def _score(name: str, rows: int, point: Floats, drawn: Floats, confidence: float) -> SliceScore:
    """Args: point: means inside and outside (2,); drawn: those of resamples (2, R)."""
    error, rest = (_interval(value, of, confidence) for value, of in zip(point.tolist(), drawn, strict=True))
    difference = _interval(float(point[0] - point[1]), drawn[0] - drawn[1], confidence)
    return SliceScore(name, rows, error, rest, difference)


def _interval(value: float, drawn: Floats, confidence: float) -> Interval | None:
    if not np.isfinite(value):
        return None
    # A resample may have no row of a tiny slice.
    low, high = np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value, float(low), float(high))
