"""Choose a candidate: the best on validation, unless a cheaper one is tied with it.

The rule: the best by the criterion leads. A candidate is tied with the leader unless the interval of their paired
difference shows that it is worse. Among the tied the cheapest wins: fewest trainable parameters, then fewest
parameters, then name.
Imports no numpy, because `config.py` needs `Selection` in every process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, field_validator, model_validator

from finetrail.evaluation.criterion import VALUE, Criterion, criterion_named
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.slices import Slice, SliceName
from finetrail.evaluation.validators.methods import AnyValidator
from finetrail.evaluation.validators.validator import Validator
from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.evaluation.scores.bootstrap import Interval


class Selection(Settings):
    """Section `selection:` of params.yaml.

    Attributes:
        metric: one of the task's; by default the one that section `task` names, or the last.
        resamples: of intervals; by default those of the target.
        by: what of the metric: see `finetrail.evaluation.criterion`.
        validator: what to rank by instead, in a domain without labels.
        slices: rows that `test` and the gate look at apart, by what the task's content and target know of them; see
            `finetrail.sections`.
    """

    metric: str
    by: str = VALUE
    validator: AnyValidator | None = None
    confidence: float = Field(default=0.95, ge=0.5, le=0.999)
    resamples: int = Field(default=10_000, ge=100, le=100_000)
    seed: int = Field(default=0, ge=0, lt=2**32)
    slices: Mapping[SliceName, Slice] = Field(default_factory=dict)

    @property
    def criterion(self) -> Criterion:
        """What the candidates are compared by."""
        if self.validator is not None:
            return Criterion(f"{self.validator.method} on {self.validator.rows}", validator=self.validator)
        return criterion_named(self.by)

    @field_validator("by")
    @classmethod
    def _known(cls, by: str) -> str:
        criterion_named(by)
        return by

    @model_validator(mode="after")
    def _ranks_by_one(self) -> Self:
        if self.validator is not None and self.by != VALUE:
            raise ValueError(f"ranks by `by: {self.by}` and by `validator`, but only one can lead; remove one of them")
        return self


@dataclass(frozen=True)
class Standing:
    """One candidate: its value and its difference to the leader (0 for the leader), with intervals, and its cost.

    A difference above 0 means worse, whether higher or lower metrics are better. It is one of values or, where the
    criterion is, one of mean and standard deviation together.

    Attributes:
        seeds: how often it was trained; the value is that of the first.
        mean, std: of the values of all trainings; None of one alone.
        validated: the score of the validator, with its interval; None without one.
    """

    candidate: str
    value: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    trainable_parameters: int
    total_parameters: int
    seeds: int = 1
    mean: float | None = None
    std: float | None = None
    validated: float | None = None
    validated_low: float | None = None
    validated_high: float | None = None

    @property
    def tied(self) -> bool:
        """True if these rows cannot tell that it is worse than the leader; true for the leader itself."""
        return self.difference_low <= 0.0

    @property
    def cost(self) -> tuple[int, int, str]:
        """Sorts the cheapest first; the name makes the order total."""
        return (self.trainable_parameters, self.total_parameters, self.candidate)

    def behind(self, gap: "Interval") -> "Standing":
        """The same with its difference to the leader."""
        return replace(self, difference=gap.value, difference_low=gap.low, difference_high=gap.high)

    def as_json(self) -> dict[str, str | int | float | bool | None]:
        """One entry of the ranking in selection.json, and one line of ranking.csv."""
        unasked = {"validated", "validated_low", "validated_high"} if self.validated is None else set()
        return {key: value for key, value in asdict(self).items() if key not in unasked} | {"tied": self.tied}


@dataclass(frozen=True)
class Choice:
    """The chosen candidate, why in words, and all candidates, the best first. Attributes: by: the criterion's name."""

    chosen: str
    metric: str
    reason: str
    ranking: tuple[Standing, ...]
    resamples: int
    confidence: float
    by: str = "value"

    @property
    def winner(self) -> Standing:
        """The standing of the chosen candidate."""
        return next(one for one in self.ranking if one.candidate == self.chosen)

    def adding(self, sentence: str) -> "Choice":
        """The same with one more sentence of its reason."""
        return replace(self, reason=f"{self.reason} {sentence}")

    def as_json(self) -> dict[str, object]:
        """The content of selection.json."""
        return asdict(self) | {"ranking": [one.as_json() for one in self.ranking]}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "Choice":
        """Read back what `as_json` returned."""
        ranking = tuple(
            Standing(**{key: field for key, field in one.items() if key != "tied"}) for one in value["ranking"]
        )
        return Choice(**{**value, "ranking": ranking})


def choose(standings: Sequence[Standing], settings: Selection, metric: Metric) -> Choice:
    """Apply the rule to standings for one metric on the same rows, with differences to the best of them."""
    by = settings.criterion
    compared = by.compared(metric)
    ranking = tuple(sorted(standings, key=lambda one: (-compared.goodness(by.of(one, metric)), one.cost)))
    chosen = min((one for one in ranking if one.tied), key=lambda one: one.cost)
    reason = _reason(ranking, chosen, settings, metric)
    return Choice(
        chosen=chosen.candidate,
        metric=metric.name,
        reason=f"{reason} {_said_of(by.validator, standings, metric)}" if by.validator else reason,
        ranking=ranking,
        resamples=settings.resamples,
        confidence=settings.confidence,
        by=by.name,
    )


def _reason(ranking: Sequence[Standing], chosen: Standing, settings: Selection, metric: Metric) -> str:
    """Explain the choice in a few sentences."""
    leader, *others = ranking
    level, compared = f"{settings.confidence * 100:g}%", settings.criterion.compared(metric)
    if not others:
        interval = f"{level} interval {metric.say(leader.low)} to {metric.say(leader.high)}"
        value = metric.say(leader.value)
        return f"`{leader.candidate}` is the only candidate; its validation {metric.title} is {value} ({interval})."
    leads = f"`{leader.candidate}` has {settings.criterion.said(leader, metric, level)}."
    tied = [one for one in ranking if one.tied]
    if len(tied) == 1:
        second = others[0]
        return (
            f"{leads} The next best, `{second.candidate}`, is {_behind(second, compared)}, which does not include 0. "
            f"So `{chosen.candidate}` is chosen."
        )
    rivals = [one for one in tied if one is not chosen]
    fewest = all(one.trainable_parameters > chosen.trainable_parameters for one in rivals)
    cheapest = f"{'trains the fewest parameters' if fewest else 'is the cheapest'} ({_cost(chosen)}), so it is chosen."
    if chosen is leader:
        names = _list([f"`{one.candidate}`" for one in rivals])
        are = (
            "is tied with it: the interval of its difference includes"
            if len(rivals) == 1
            else "are tied with it: the intervals of their differences include"
        )
        return f"{leads} {names} {are} 0. Of the {len(tied)} tied, `{leader.candidate}` {cheapest}"
    return (
        f"{leads} `{chosen.candidate}` is {_behind(chosen, compared)}, which includes 0: a tie. "
        f"Of the {len(tied)} tied, `{chosen.candidate}` {cheapest}"
    )


def _said_of(validator: Validator, standings: Sequence[Standing], metric: Metric) -> str:
    """Why a validator, what deceives it, and what the labels of the first domain would say."""
    best = min(standings, key=lambda one: (-metric.goodness(one.value), one.cost))
    return (
        f"The ranking is that of `selection.validator`, method {validator.method}: it reads no label of "
        f"{validator.rows!r}, and is fooled {validator.fooled}. By validation {metric.title}, `{best.candidate}` would "
        f"lead, with {metric.say(best.value)}."
    )


def _behind(one: Standing, metric: Metric) -> str:
    if one.difference < 0:  # the leader is not the best by its value
        low, high = (metric.say(-end) for end in (one.difference_high, one.difference_low))
        lead = f"{metric.say(-one.difference)} ahead by its value"
        return f"{lead}, with an interval of that difference from {low} to {high}"
    gap = metric.say(one.difference) if metric.in_unit or one.difference >= 0.0005 else "less than 0.001"
    low, high = (metric.say(end) for end in (one.difference_low, one.difference_high))
    return f"{gap} behind, with an interval of that difference from {low} to {high}"


def _cost(one: Standing) -> str:
    return f"{rounded(one.trainable_parameters)} of {rounded(one.total_parameters)}"


def rounded(number: int) -> str:
    """Write a number of parameters for a reader: 820, 7.7 k, 22.8 M, 1.1 B."""
    for unit, name in ((10**9, " B"), (10**6, " M"), (10**3, " k")):
        if number >= unit:
            return f"{number / unit:.1f}{name}"
    return str(number)


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
