"""Sort wrong spans by the kind of mistake: where to look for bad labels, and what a model has not learnt.

The kinds are those of Manning, Doing Named Entity Recognition? Don't optimize for F1 (2006): label errors, boundary
errors, both at once, and spans that are missed or made up.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np

from finetrail.evaluation.scores.bootstrap import Ints
from finetrail.targets.tags.alignment import Words
from finetrail.targets.tags.pairing import of_one_type, overlapping
from finetrail.targets.tags.spans import Span

Kind = Literal["right", "one_word", "boundary", "type", "type_and_boundary", "missed", "spurious"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Comparison(NamedTuple):
    """A span of the label and what was predicted for it, or either alone.

    Kinds: `right`; `one_word`, the right type but one word too few or too many; `boundary`, the right type but further
    off; `type`, another type on the right words; `type_and_boundary`, another type on some of them; `missed` has no
    predicted span, `spurious` none of the label.
    """

    kind: Kind
    gold: Span | None
    predicted: Span | None


def compare(gold: Sequence[Span], predicted: Sequence[Span], words: Words) -> list[Comparison]:
    """Put every span of a row's label and of its answer into one comparison, in the order of the text.

    Args:
        gold, predicted: sorted, without overlaps.
        words: of the row's text.
    """
    pairs = of_one_type(gold, predicted)
    pairs += overlapping(*(_without(spans, pairs, side) for side, spans in enumerate((gold, predicted))))
    found = [Comparison(_kind(one, other, words), one, other) for one, other in pairs]
    found += [Comparison("missed", span, None) for span in _without(gold, pairs, 0)]
    found += [Comparison("spurious", None, span) for span in _without(predicted, pairs, 1)]
    return sorted(found, key=lambda one: (one.gold or one.predicted or Span(0, 0, ""))[:2])


def count_kinds(rows: Iterable[Sequence[Comparison]]) -> dict[Kind, int]:
    """How many comparisons of each kind there are; every kind of `KINDS` in that order."""
    counts = Counter(one.kind for row in rows for one in row)
    return {kind: counts[kind] for kind in KINDS}


def confusion(rows: Iterable[Sequence[Comparison]], types: Sequence[str]) -> Ints:
    """Count comparisons by type in the label (first axis) and predicted type: (T + 1, T + 1); the last: no span."""
    numbers: dict[str | None, int] = {kind: number for number, kind in enumerate([*types, None])}
    matrix = np.zeros((len(numbers), len(numbers)), dtype=np.int64)
    for row in rows:
        for one in row:
            matrix[
                numbers[one.gold.type if one.gold else None], numbers[one.predicted.type if one.predicted else None]
            ] += 1
    return matrix


def _without(spans: Sequence[Span], pairs: Sequence[tuple[Span, Span]], side: int) -> list[Span]:
    """The spans that are in no pair. Args: side: 0 for those of the label, 1 for predicted ones."""
    taken = {pair[side] for pair in pairs}
    return [span for span in spans if span not in taken]


def _kind(gold: Span, predicted: Span, words: Words) -> Kind:
    if gold[:2] == predicted[:2]:
        return "right" if gold.type == predicted.type else "type"
    if gold.type != predicted.type:
        return "type_and_boundary"
    starts = [start for start, _ in words]
    off = sum(
        abs(bisect_left(starts, one) - bisect_left(starts, other))
        for one, other in zip(gold[:2], predicted[:2], strict=True)
    )
    return "one_word" if off == 1 else "boundary"
