"""Whether another candidate would have been chosen, had the trainings come out otherwise."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from finetrail.assessment.stability.spread import Ends, share_ends
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Selection
from finetrail.targets.choosing import choice_among
from finetrail.targets.results import Result, Run


@dataclass(frozen=True)
class Flips:
    """How often the rule of `select` chooses another candidate than it did.

    Attributes:
        over: what differs from set to set, in words.
        sets: how many sets of trainings the rule was applied to.
        chosen: how often each candidate was chosen.
        share: of the sets, with another choice; ends: of its interval.
    """

    over: str
    sets: int
    chosen: Mapping[str, int]
    share: float
    ends: Ends

    def as_json(self) -> dict[str, Any]:
        """For stability.json."""
        interval = self.ends.as_json()
        return {"over": self.over, "sets": self.sets, "chosen": self.chosen, "share": self.share, "interval": interval}


def flips_of(
    over: str, sets: Sequence[Sequence[Result]], before: str, settings: Selection, metric: Metric
) -> Flips | None:
    """Apply the rule to each set.

    Args:
        sets: of each candidate one result.
        before: the candidate that was chosen.

    Returns:
        None if there are no sets.
    """
    if not sets:
        return None
    chosen = Counter(choice_among(one, settings, metric).chosen for one in sets)
    others = len(sets) - chosen[before]
    ends = share_ends(others, len(sets), settings.confidence)
    return Flips(over, len(sets), dict(sorted(chosen.items())), others / len(sets), ends)


def sets_of(results: Sequence[Result], runs: Mapping[str, Sequence[Run]], settings: Selection) -> list[list[Result]]:
    """The sets of trainings that the rule is applied to.

    One training of each candidate makes a set. Where the rule asks for a spread, a set is all of them but one.

    Args:
        results: of the candidates, for their rows and costs.
        runs: of each candidate, in the same order of seeds.
    """
    count = min(len(of) for of in runs.values())
    if settings.criterion.factor is None:
        return [[_of(one, [runs[one.candidate][number]]) for one in results] for number in range(count)]
    if count < 3:  # of two, one would be left, without a spread
        return []
    return [
        [_of(one, [run for place, run in enumerate(runs[one.candidate]) if place != without]) for one in results]
        for without in range(count)
    ]


def _of(one: Result, runs: Sequence[Run]) -> Result:
    first, *further = runs
    return replace(one, codec=first.codec, answers=first.answers, further=tuple(further))
