"""What fits into a budget: which candidates, how many trials, and how wide a space they can search."""

from dataclasses import dataclass
from typing import Any

STEPS_AN_EPOCH = 40
"""Smaller batches generalise well (Masters & Luschi 2018); this many steps let an epoch get somewhere."""
SMALLEST, LARGEST = 16, 64
"""Of the batches to suggest."""
FEWEST = 4
"""Trials below which a search finds no more than the range test has."""
MOST = 30
CONFIRMED = ((20, {"top": 3, "seeds": 3}), (9, {"top": 2, "seeds": 2}))
"""From so many trainings on, how many of them confirm the best trials."""
TWO, THREE = 8, 16
"""Trials from which on a second and a third setting are searched."""
LOWER, HIGHER = 5, 3
"""A search tries rates from the found one divided by the first to the found one times the second."""
PRUNED = 10
"""Trials from which on a median says something."""


@dataclass(frozen=True)
class Batch:
    """Attributes: size: examples a forward pass; accumulate: passes a step."""

    size: int
    accumulate: int

    @property
    def step(self) -> int:
        return self.size * self.accumulate


def fitting_batch(rows: int, free: int, fixed: int, each: int) -> Batch:
    """A batch that suits the rows, divided if memory is too small for it.

    Args:
        rows: of the training split.
        free: bytes of memory that may be used.
        fixed, each: bytes that the model needs, and that one example needs.
    """
    wanted = SMALLEST
    while wanted * 2 <= min(LARGEST, rows / STEPS_AN_EPOCH):
        wanted *= 2
    size = wanted
    while size > 1 and fixed + size * each > free:
        size //= 2
    return Batch(size, wanted // size)


def that_fit(seconds: dict[str, float], budget: float) -> list[str]:
    """The candidates to train, the cheapest first, for as long as the budget lasts; at least one.

    Args:
        seconds: of a training of each.
        budget: seconds for all.
    """
    kept: list[str] = []
    for name in sorted(seconds, key=lambda one: seconds[one]):
        if not kept or sum(seconds[one] for one in kept) + seconds[name] <= budget:
            kept.append(name)
    return kept


@dataclass(frozen=True)
class Study:
    """A search that fits. Attributes: trials; confirm: section of that name; settings: how many are searched."""

    trials: int
    confirm: dict[str, int] | None
    settings: int

    @property
    def trainings(self) -> int:
        """All of them."""
        return self.trials + (self.confirm["top"] * self.confirm["seeds"] if self.confirm else 0)

    def section(self, evaluations: int) -> dict[str, Any]:
        """Section `search`. Args: evaluations: of one training; a pruner compares trials at each."""
        pruner = {"pruner": "median"} if self.trials >= PRUNED and evaluations > 2 else {}
        return {"budget": {"trials": self.trials}, **pruner, "confirm": self.confirm}


def study_for(trainings: int) -> Study | None:
    """The study that so many trainings allow; None where they are too few."""
    confirm = next((found for least, found in CONFIRMED if trainings >= least), None)
    trials = min(MOST, trainings - (confirm["top"] * confirm["seeds"] if confirm else 0))
    if trials < FEWEST:
        return None
    return Study(trials, confirm, 1 + (trials >= TWO) + (trials >= THREE))


def rounded(rate: float) -> float:
    """A rate to two digits: no more of it is known."""
    return float(f"{rate:.1e}")


def around(rate: float) -> list[float]:
    """The range to search around a rate; its end is not above the rate at which the loss rises."""
    return [rounded(rate / LOWER), rounded(rate * HIGHER)]


def said_seconds(seconds: float) -> str:
    """As people say it."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
