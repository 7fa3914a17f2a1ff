"""How often two candidates answer a validation row differently."""

from collections.abc import Sequence

from finetrail.targets.results import Result


def disagreement(results: Sequence[Result]) -> tuple[tuple[float, ...], ...]:
    """The share of rows that two candidates answer differently, for each pair (m, m); what that is says their codec.

    Two candidates may be right equally often and yet on different rows: then an ensemble of them, or the rows
    themselves, are worth a look.

    Args:
        results: of m candidates on the same rows.
    """
    shares = [[0.0] * len(results) for _ in results]
    for place, one in enumerate(results):
        for later in range(place + 1, len(results)):
            other = results[later]
            differs = one.codec.differ(one.answers, other.answers, other.codec)
            shares[place][later] = shares[later][place] = float(differs.mean())
    return tuple(map(tuple, shares))
