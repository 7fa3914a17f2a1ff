"""The Pareto front: the candidates that no other one beats in quality and cost at once."""

import math
from collections.abc import Sequence


def front(costs: Sequence[float], goodness: Sequence[float]) -> list[bool]:
    """Which points are on the front; equal points are on it together, and a point that is not finite never is.

    A point is dominated if another one costs no more and is no worse, and differs in one of the two.

    Args:
        costs: of each point; lower is better.
        goodness: of each point; higher is better.
    """
    points = list(zip(costs, goodness, strict=True))
    known = [point for point in points if all(map(math.isfinite, point))]
    return [point in known and not any(_dominates(other, point) for other in known) for point in points]


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[0] and one[1] >= other[1] and one != other
