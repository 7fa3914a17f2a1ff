"""What candidates are compared by: the metric's value, the end of its interval, its mean and spread over seeds, or a
validator's score of rows without labels.

Imports no numpy, because `config.py` needs it in every process.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.validators.validator import Validator

VALUE, LOWER_BOUND = "value", "lower_bound"
_SPREAD = re.compile(r"mean - (?P<factor>[0-9]+(\.[0-9]+)?) ?\* ?std")


class Scored(Protocol):
    """A candidate's scores; see `finetrail.evaluation.selection.Standing`."""

    @property
    def value(self) -> float: ...

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...

    @property
    def seeds(self) -> int: ...

    @property
    def mean(self) -> float | None: ...

    @property
    def std(self) -> float | None: ...

    @property
    def validated(self) -> float | None: ...

    @property
    def validated_low(self) -> float | None: ...

    @property
    def validated_high(self) -> float | None: ...


@dataclass(frozen=True)
class Criterion:
    """Worse is always what is less certain, whether higher or lower metrics are better.

    Attributes:
        name: as in params.yaml.
        factor: of the standard deviation over seeds; None where seeds do not count.
        validator: whose score counts, and not the metric.
    """

    name: str
    factor: float | None = None
    validator: Validator | None = None

    def compared(self, metric: Metric) -> Metric:
        """What the numbers are of that candidates are ranked by, and their differences."""
        return self.validator.metric if self.validator else metric

    def of(self, one: Scored, metric: Metric) -> float:
        """The number that the candidates are ranked by. Raises: ValueError: it needs more seeds, or another score."""
        if self.validator is not None:
            if one.validated is None:
                raise ValueError(f"{self.name} of a candidate without that score")
            return one.validated
        if self.factor is not None:
            if one.mean is None or one.std is None:
                raise ValueError(f"{self.name} of one seed")
            return one.mean + self.sign(metric) * self.factor * one.std
        if self.name == LOWER_BOUND:
            return one.high if metric.lower else one.low
        return one.value

    @staticmethod
    def sign(metric: Metric) -> float:
        """Of a spread, so that it makes a value worse."""
        return 1.0 if metric.lower else -1.0

    def said(self, leader: Scored, metric: Metric, level: str) -> str:
        """What the leader has, in words. Args: level: the confidence of the intervals."""
        if self.validator is not None:
            low, value, high = (
                f"{end or 0.0:.3f}" for end in (leader.validated_low, leader.validated, leader.validated_high)
            )
            title = f"{self.validator.title} on rows {self.validator.rows!r} without labels"
            return f"the highest {title}, {value} ({level} interval {low} to {high})"
        interval = f"{level} interval {metric.say(leader.low)} to {metric.say(leader.high)}"
        if self.factor is not None:
            deviations = f"{self.factor:g} standard deviation{'' if self.factor == 1 else 's'}"
            sum_of = f"mean {'plus' if metric.lower else 'minus'} {deviations}"
            parts = f"mean {metric.say(leader.mean or 0.0)}, standard deviation {metric.say(leader.std or 0.0)}"
            over = f"of validation {metric.title} over {leader.seeds} seeds"
            return f"the {metric.best} {sum_of} {over}, {metric.say(self.of(leader, metric))} ({parts})"
        if self.name == LOWER_BOUND:
            end = f"the {metric.best} {'upper' if metric.lower else 'lower'} end"
            bound = f"{end} of the interval of validation {metric.title}, {metric.say(self.of(leader, metric))}"
            return f"{bound} (value {metric.say(leader.value)}, {interval})"
        return f"the {metric.best} validation {metric.title}, {metric.say(leader.value)} ({interval})"


def criterion_named(by: str) -> Criterion:
    """The criterion of that name. Raises: ValueError: there is none."""
    if by in (VALUE, LOWER_BOUND):
        return Criterion(by)
    found = _SPREAD.fullmatch(by)
    if found is None:
        raise ValueError(f"must be {VALUE}, {LOWER_BOUND}, or a mean and spread over seeds such as `mean - 1*std`")
    return Criterion(f"mean - {found['factor']}*std", float(found["factor"]))
