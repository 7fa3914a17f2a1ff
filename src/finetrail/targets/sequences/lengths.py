"""How good answers are by a length: that of their references, or of their sources."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Draws, Interval, bootstrap
from finetrail.targets.numbers.strata import bins
from finetrail.targets.sequences.codec import SequenceAnswers
from finetrail.targets.sequences.judge import SequenceJudge

RANGES = 6
"""Into how many ranges of length the rows are divided, at most."""
FEWEST = 20
"""The fewest rows of a range: fewer say little."""


@dataclass(frozen=True)
class OfLength:
    """The rows of a range of length, `low` to `high` characters. Attributes: ratio: of answers to references."""

    low: int
    high: int
    rows: int
    value: Interval
    ratio: float


def by_length(
    judge: SequenceJudge,
    labels: Sequence[str],
    answers: SequenceAnswers,
    sizes: Sequence[int],
    *,
    groups: Sequence[object] | None,
    draws: Draws,
) -> tuple[OfLength, ...]:
    """The metric of single rows in ranges of about equally many. Args: sizes: the length of each row (n,)."""
    found = []
    for inside in _ranges(sizes):
        rows = np.flatnonzero(inside).tolist()
        own = [labels[row] for row in rows]
        grouped = None if groups is None else [groups[row] for row in rows]
        drawn = bootstrap(judge, own, [answers[inside]], draws, groups=grouped)
        within, written = [sizes[row] for row in rows], sum(len(answers.texts[row]) for row in rows)
        value = drawn.interval(judge.codec.metric, 0, draws.confidence)
        found.append(OfLength(min(within), max(within), len(rows), value, written / max(1, sum(map(len, own)))))
    return tuple(found)


def _ranges(sizes: Sequence[int]) -> list[NDArray[np.bool_]]:
    """The rows of each range; rows of equal length share one."""
    values = list(map(float, sizes))
    names = np.array(bins(values, values, min(RANGES, len(values) // FEWEST) / len(values)))
    return [names == name for name in np.unique(names)]
