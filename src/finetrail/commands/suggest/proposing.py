"""What to suggest: the candidates that fit into a budget, with a search where there is time for one."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from finetrail.commands.suggest.budget import around, said_seconds, study_for, that_fit

RANKS = [4, 32, "log"]


@dataclass(frozen=True)
class Suggestion:
    """A candidate to write.

    Attributes:
        adaptation, train: what to set in these sections; other keys of theirs stay.
        batch: examples a step.
        seconds: of one training.
        evaluations: of one training.
        memory: bytes at the peak.
        ranked: whether its method has a rank, which a search can find.
        why: a sentence.
        search: its section; None for none.
        trainings: how many.
    """

    name: str
    adaptation: dict[str, Any]
    train: dict[str, Any]
    batch: int
    seconds: float
    evaluations: int
    memory: int
    ranked: bool
    why: str
    search: dict[str, Any] | None = None
    trainings: int = 1


@dataclass(frozen=True)
class Suggested:
    """Attributes: candidates: to write. left_out: why others are not, by name."""

    candidates: list[Suggestion]
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Of all trainings."""
        return sum(one.seconds * one.trainings for one in self.candidates)


def fitted(measured: Sequence[Suggestion], minutes: float) -> Suggested:
    """Leave out what does not fit into the minutes, and search with what is left of them."""
    kept = that_fit({one.name: one.seconds for one in measured}, 60 * minutes)
    left = 60 * minutes - sum(one.seconds for one in measured if one.name in kept)
    candidates = [_searched(one, 1 + int(max(0.0, left) / one.seconds)) for one in measured if one.name in kept]
    left_out = {
        one.name: f"a training of {said_seconds(one.seconds)} does not fit into {minutes:g} min beside the others"
        for one in measured
        if one.name not in kept
    }
    return Suggested(candidates, left_out)


def _searched(one: Suggestion, trainings: int) -> Suggestion:
    """The candidate with a search for so many trainings, if its method has something to search."""
    if not one.ranked:
        return one
    study = study_for(trainings)
    if study is None:
        return replace(one, why=f"{one.why}; too few trainings fit for a search")
    rates = ("learning_rate", "head_learning_rate") if study.settings > 2 else ("learning_rate",)
    opened = {key: {"log": around(one.train[key])} for key in rates if key in one.train}
    ranks = {"r": {"int": RANKS}} if study.settings > 1 else {}
    confirmed = "the best trained again" if study.confirm else "too few to train the best again"
    return replace(
        one,
        adaptation=one.adaptation | ranks,
        train=one.train | opened,
        search=study.section(one.evaluations),
        trainings=study.trainings,
        why=f"{one.why}; {study.trials} trials fit, {confirmed}",
    )
