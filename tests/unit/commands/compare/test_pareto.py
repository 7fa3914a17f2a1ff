"""The Pareto front against its definition."""

import math

from hypothesis import given
from hypothesis import strategies as st

from finetrail.commands.compare.pareto import front

FEW = st.integers(0, 5).map(float)
"""Few values, so that many points are equal in one or both."""
POINTS = st.lists(st.tuples(st.one_of(FEW, st.floats(0, 1e9)), st.one_of(FEW, st.floats(-1, 1))), max_size=12)


def beaten(point: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether the other one costs less at no loss, or is better at no cost."""
    cheaper = other[0] < point[0] and other[1] >= point[1]
    better = other[1] > point[1] and other[0] <= point[0]
    return cheaper or better


def fronted(points: list[tuple[float, float]]) -> list[bool]:
    return front([cost for cost, _ in points], [good for _, good in points])


@given(POINTS)
def test_no_point_of_the_front_is_beaten_and_every_other_one_is_by_one_of_the_front(
    points: list[tuple[float, float]],
) -> None:
    on = fronted(points)
    members = [point for point, member in zip(points, on, strict=True) if member]
    assert bool(members) == bool(points)
    for point, member in zip(points, on, strict=True):
        if member:
            assert not any(beaten(point, other) for other in points)
        else:
            assert any(beaten(point, other) for other in members)


def test_a_known_front() -> None:
    assert fronted([(1, 0.5), (2, 0.4), (3, 0.9), (3, 0.9), (3, 0.8), (4, 0.9)]) == [
        True,
        False,
        True,
        True,
        False,
        False,
    ]


def test_what_is_not_finite_is_never_on_it_and_beats_nothing() -> None:
    assert fronted([(1.0, math.nan), (math.nan, 1.0), (5.0, 0.1), (-math.inf, 1.0)]) == [False, False, True, False]
