"""Which trial comes first, and which no other beats."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState, create_trial

from finetrail.search.problem import Problem
from finetrail.search.ranking import in_order, pareto, ranked
from finetrail.workspace import Workspace
from tests.unit.params_file import load

POINTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("params")


def problem(folder: Path, **search: Any) -> Problem:
    rate = {"learning_rate": {"log": [1e-5, 1e-2]}}
    params = load(folder, {"candidates.probe.train": rate, "candidates.probe.search": search})
    one = params.candidates["probe"]
    assert one.search is not None
    return Problem(Workspace(folder), "demo", params.task.task, "probe", one, one.search, 0)


def trials(*values: list[float] | None, units: str = "abcdefgh") -> list[FrozenTrial]:
    found = []
    for number, (one, unit) in enumerate(zip(values, units, strict=False)):
        state = TrialState.COMPLETE if one else TrialState.PRUNED
        found.append(create_trial(state=state, values=one, user_attrs={"unit": unit}))
        found[-1].number = number
    return found


def test_the_best_comes_first_and_an_equal_training_once(folder: Path) -> None:
    found = ranked(problem(folder), trials([0.5], None, [0.8], [0.7], [0.8], units="abcdc"))
    assert [one.number for one in found] == [2, 3, 0]


def test_with_a_cost_the_cheapest_of_those_that_are_good_enough_comes_first(folder: Path) -> None:
    wanted = problem(folder, cost="seconds", tolerance=0.02)
    found = ranked(wanted, trials([0.80, 9.0], [0.79, 2.0], [0.785, 1.0], [0.77, 0.1]))
    assert [one.number for one in found] == [2, 1, 0, 3]


@given(POINTS)
def test_the_front_is_what_no_other_beats_in_both(points: list[tuple[int, int]]) -> None:
    front = pareto(trials(*([float(good), float(cost)] for good, cost in points)))
    assert front
    for number, (good, cost) in enumerate(points):
        better = [(a, b) for a, b in points if a >= good and b <= cost and (a, b) != (good, cost)]
        assert (number in front) == (not better)


@pytest.mark.parametrize("tolerance", [0, 1, 3])
@given(points=POINTS)
def test_the_first_in_order_is_good_enough_and_nothing_that_is_costs_less(
    folder: Path, points: list[tuple[int, int]], tolerance: int
) -> None:
    wanted = problem(folder, cost="seconds", tolerance=float(tolerance))
    found = in_order(wanted, points, value=lambda one: one[0], cost=lambda one: one[1])
    assert sorted(found) == sorted(points)
    enough = max(value for value, _ in points) - tolerance
    assert found[0][0] >= enough
    assert found[0][1] == min(cost for value, cost in points if value >= enough)
