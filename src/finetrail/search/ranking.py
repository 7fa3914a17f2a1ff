"""Which trials come first: by the metric or, where there is a cost, the cheapest of those that are good enough."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from optuna.trial import FrozenTrial, TrialState

from finetrail.search.problem import Problem
from finetrail.search.study import UNIT

T = TypeVar("T")


def ranked(problem: Problem, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The complete trials, the first to choose first; of equal trainings the earlier trial alone."""
    complete = [one for one in trials if one.state == TrialState.COMPLETE]
    distinct = list({one.user_attrs[UNIT]: one for one in reversed(complete)}.values())
    distinct.sort(key=lambda one: one.number)
    return in_order(problem, distinct, value=lambda one: one.values[0], cost=lambda one: one.values[-1])


def in_order(
    problem: Problem, found: Sequence[T], *, value: Callable[[T], float], cost: Callable[[T], float]
) -> list[T]:
    """The first to choose first.

    Args:
        value: of one, where higher is better.
        cost: of one; not asked where the search has none.
    """
    by_value = sorted(found, key=value, reverse=True)
    if problem.search.cost is None or not by_value:
        return by_value
    enough = value(by_value[0]) - problem.search.tolerance
    good = [one for one in by_value if value(one) >= enough]
    return sorted(good, key=cost) + [one for one in by_value if value(one) < enough]


def pareto(trials: Sequence[FrozenTrial]) -> list[int]:
    """The numbers of the complete trials that no other beats in metric and cost, by number."""
    complete = [one for one in trials if one.state == TrialState.COMPLETE and len(one.values) > 1]

    def beaten(one: FrozenTrial) -> bool:
        good, cost = one.values
        return any(a >= good and b <= cost and (a > good or b < cost) for a, b in (other.values for other in complete))

    return [one.number for one in complete if not beaten(one)]
