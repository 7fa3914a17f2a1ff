"""Metrics of spans from counts per row that add up, so that a resample is a weighted sum of rows.

Strict: a predicted span is right if start, end and type are. Partial: one that overlaps a span of its type counts half
(MUC-5; Chinchor & Sundheim 1993). conlleval: chunks of word tags, as the script of CoNLL-2000 counts them; where spans
are made of whole words it equals the strict F1. A division by 0 gives 0.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import eq

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats, Ints
from finetrail.targets.tags.alignment import OUTSIDE, Words
from finetrail.targets.tags.pairing import of_one_type
from finetrail.targets.tags.schemes import to_spans
from finetrail.targets.tags.spans import Span

NAMES = ("f1", "macro_f1", "precision", "recall", "partial_f1", "conlleval_f1", "accuracy")
"""Every metric that `scores` gives, in the order in which it is shown."""

# A row's statistics: T columns for each of the first names, one for each of the others.
_PER_TYPE = ("true", "predicted", "hits", "halves", "begun")
_ONCE = ("chunks_true", "chunks_predicted", "chunks_right", "words", "words_right")


@dataclass(frozen=True)
class PerType:
    """The metrics of each type, all (T,), in the order of the types.

    Attributes:
        support, predicted: spans in the labels and in the answers.
        precision, recall, f1: strict.
        partial_f1: an overlap with a span of the type counts half.
        type_f1: such an overlap counts in full.
        accuracy: the share of the labels' spans whose first word got the type.
    """

    support: Ints
    predicted: Ints
    precision: Floats
    recall: Floats
    f1: Floats
    partial_f1: Floats
    type_f1: Floats
    accuracy: Floats


def statistics(
    gold: Sequence[Sequence[Span]], predicted: Sequence[Sequence[Span]], words: Sequence[Words], types: Sequence[str]
) -> Ints:
    """The counts of each row, from which every metric follows: (n, S).

    Args:
        gold, predicted: the spans of each row (n), sorted, without overlaps.
        words: of each row's text (n).
        types: every type that occurs; the order of `per_type`.

    Raises:
        ValueError: a span has another type.
    """
    numbers = {kind: number for number, kind in enumerate(types)}
    unknown = next((span for row in (*gold, *predicted) for span in row if span.type not in numbers), None)
    if unknown is not None:
        raise ValueError(f"span {unknown} has none of the {len(types)} types that are counted")
    found = np.zeros((len(gold), len(_PER_TYPE) * len(types) + len(_ONCE)), dtype=np.int64)
    for row, (true, answer, units) in enumerate(zip(gold, predicted, words, strict=True)):
        kinds = found[row, : -len(_ONCE)].reshape(len(_PER_TYPE), len(types))  # a view
        for column, spans in enumerate((true, answer)):
            for span in spans:
                kinds[column, numbers[span.type]] += 1
        for one, other in of_one_type(true, answer):
            kinds[2 if one == other else 3, numbers[one.type]] += 1
        true_tags, tags = _word_tags(true, units), _word_tags(answer, units)
        chunks, answered = to_spans(true_tags, "iob2"), to_spans(tags, "iob2")
        for number, _, kind in chunks:
            kinds[4, numbers[kind]] += tags[number][2:] == kind
        right = len(set(chunks) & set(answered))
        found[row, -len(_ONCE) :] = len(chunks), len(answered), right, len(tags), sum(map(eq, true_tags, tags))
    return found


def scores(sums: NDArray[np.number], *, plain: bool = False) -> dict[str, Floats]:
    """Every metric of `NAMES`, (R,) each, from R sums of rows of statistics (R, S).

    Args:
        plain: whether each token is a span, as in parts of speech. Then accuracy is the share of the labels' spans
            whose first word got their type; otherwise, as conlleval prints it, the share of words with the right tag.
    """
    counts = _Counts.of(sums)
    true, predicted, hits = (column.sum(axis=-1) for column in (counts.true, counts.predicted, counts.hits))
    f1 = _ratio(2 * counts.hits, counts.true + counts.predicted)
    begun, words, words_right = counts.begun.sum(axis=-1), counts.once[..., 3], counts.once[..., 4]
    found = {
        "f1": _ratio(2 * hits, true + predicted),
        # Only over types that occur in the labels: a resample that lacks a type is not punished for it.
        "macro_f1": _ratio((f1 * (counts.true > 0)).sum(axis=-1), (counts.true > 0).sum(axis=-1)),
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, true),
        "partial_f1": _ratio(2 * hits + counts.halves.sum(axis=-1), true + predicted),
        "conlleval_f1": _ratio(2 * counts.once[..., 2], counts.once[..., 0] + counts.once[..., 1]),
        "accuracy": _ratio(begun, true) if plain else _ratio(words_right, words),
    }
    return {name: found[name] for name in NAMES}


def per_type(sums: NDArray[np.number]) -> PerType:
    """The metrics of each type, from one sum of rows of statistics (S,)."""
    counts = _Counts.of(sums)
    both = counts.true + counts.predicted
    return PerType(
        support=counts.true.astype(np.int64),
        predicted=counts.predicted.astype(np.int64),
        precision=_ratio(counts.hits, counts.predicted),
        recall=_ratio(counts.hits, counts.true),
        f1=_ratio(2 * counts.hits, both),
        partial_f1=_ratio(2 * counts.hits + counts.halves, both),
        type_f1=_ratio(2 * (counts.hits + counts.halves), both),
        accuracy=_ratio(counts.begun, counts.true),
    )


@dataclass(frozen=True)
class _Counts:
    """Sums of statistics by name: (..., T) each, except `once` (..., 5)."""

    true: NDArray[np.number]
    predicted: NDArray[np.number]
    hits: NDArray[np.number]
    halves: NDArray[np.number]
    begun: NDArray[np.number]
    once: NDArray[np.number]

    @classmethod
    def of(cls, sums: NDArray[np.number]) -> "_Counts":
        true, predicted, hits, halves, begun = np.split(sums[..., : -len(_ONCE)], len(_PER_TYPE), axis=-1)
        return cls(true, predicted, hits, halves, begun, sums[..., -len(_ONCE) :])


def _word_tags(spans: Sequence[Span], words: Words) -> list[str]:
    """IOB2 tags of words; a span that cuts a word, which `alignment.encode` refuses, includes all of it."""
    starts, ends = [start for start, _ in words], [end for _, end in words]
    tags = [OUTSIDE] * len(words)
    for span in spans:
        first, last = bisect_right(ends, span.start), bisect_left(starts, span.end)
        tags[first:last] = [f"{'I' if at else 'B'}-{span.type}" for at in range(last - first)]
    return tags


def _ratio(numerator: NDArray[np.number], denominator: NDArray[np.number]) -> Floats:
    """Divide; 0 where the denominator is 0."""
    result = np.zeros(np.shape(numerator), dtype=np.float64)
    np.divide(numerator, denominator, out=result, where=np.asarray(denominator) > 0)
    return result
