"""Axes: round ticks around all values, also by factors, by counts and by names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.evaluation.report.axes import Axis, LogAxis, NamedAxis


@pytest.mark.parametrize(
    ("ends", "labels"),
    [
        ((1e-5, 1e-1), ["1e-5", "1e-4", "1e-3", "0.01", "0.1"]),
        ((4, 64), ["2", "5", "10", "20", "50", "100"]),
        ((1, 1), ["1", "2"]),
        ((3e-4, 5e-4), ["2e-4", "5e-4"]),
        ((3, 90_000), ["1", "10", "100", "1000", "10000", "100000"]),
    ],
)
def test_a_log_axis_has_ticks_at_round_factors(ends: tuple[float, float], labels: list[str]) -> None:
    axis = LogAxis.over("rate", ends)
    assert [axis.label(mark) for mark in axis.marks] == labels


@given(st.floats(1e-12, 1e12), st.floats(1, 1e9))
def test_a_log_axis_encloses_its_values_and_equal_factors_are_equal_distances(low: float, factor: float) -> None:
    axis = LogAxis.over("rate", [low, low * factor])
    assert -1e-9 <= axis.share(low) <= axis.share(low * factor) <= 1 + 1e-9
    middle = axis.share(low * factor**0.5)
    assert middle == pytest.approx((axis.share(low) + axis.share(low * factor)) / 2, abs=1e-6)


@given(st.integers(0, 10_000))
def test_a_counting_axis_has_a_few_whole_ticks_up_to_the_last(last: int) -> None:
    marks = Axis.counting("trial", last).marks
    assert marks[0] == 0
    assert marks[-1] >= last
    assert all(mark == int(mark) for mark in marks)
    assert 2 <= len(marks) <= 8


def test_names_stand_in_the_middle_of_their_room() -> None:
    axis = NamedAxis.of("method", ["lora", "full"])
    assert [(axis.label(mark), axis.share(mark)) for mark in axis.marks] == [("lora", 0.25), ("full", 0.75)]


def test_a_large_number_at_a_tick_is_short() -> None:
    assert [Axis("parameters", ()).label(mark) for mark in (0.25, 2_000_000.0, 22_500_000.0)] == [
        "0.25",
        "2e6",
        "2.25e7",
    ]
