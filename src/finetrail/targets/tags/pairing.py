"""Which predicted span answers which span of the label."""

from collections.abc import Sequence

from finetrail.targets.tags.spans import Span

Pair = tuple[Span, Span]
"""A span of the label, and a predicted one."""


def overlapping(gold: Sequence[Span], predicted: Sequence[Span]) -> list[Pair]:
    """Pair spans that overlap, each with one at most, from left to right: no other pairing has more pairs.

    Equal spans are always paired, for neither overlaps a third.

    Args:
        gold, predicted: each sorted, without overlaps among themselves.
    """
    pairs: list[Pair] = []
    at = 0
    for span in predicted:
        while at < len(gold) and gold[at].end <= span.start:
            at += 1
        if at < len(gold) and gold[at].start < span.end:
            pairs.append((gold[at], span))
            at += 1
    return pairs


def of_one_type(gold: Sequence[Span], predicted: Sequence[Span]) -> list[Pair]:
    """Pair overlapping spans of the same type."""
    kinds = {span.type for span in gold} & {span.type for span in predicted}
    return [pair for kind in sorted(kinds) for pair in overlapping(_only(kind, gold), _only(kind, predicted))]


def _only(kind: str, spans: Sequence[Span]) -> list[Span]:
    return [span for span in spans if span.type == kind]
