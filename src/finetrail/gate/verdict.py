"""What the gate says: a ruling for each rule, and the verdict that they add up to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from finetrail.evaluation.scores.bootstrap import Interval

Outcome = Literal["pass", "fail", "not judged"]


@dataclass(frozen=True)
class Ruling:
    """The result of one rule.

    Attributes:
        value, bound: what was measured and what it may be, as a person reads them; empty where nothing was measured.
        numbers: the same as numbers.
        sentence: what it means.
    """

    rule: str
    outcome: Outcome
    sentence: str
    value: str = ""
    bound: str = ""
    numbers: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether a version may become champion, and why.

    Attributes:
        champion: the version that it was compared with; None for the best constant answer.
        test_split: the sha256 of the test rows.
        rows: of the test split.
        models_scored: how many different models were scored on that split, this one included.
    """

    name: str
    challenger: int
    champion: int | None
    test_split: str
    rows: int
    models_scored: int
    rulings: tuple[Ruling, ...]

    @property
    def failed(self) -> tuple[Ruling, ...]:
        return tuple(one for one in self.rulings if one.outcome == "fail")

    @property
    def passed(self) -> bool:
        """Rules that were not judged do not count against the challenger; `reason` says how many."""
        return not self.failed

    @property
    def rival(self) -> str:
        """What the challenger was compared with."""
        return f"version {self.champion}" if self.champion is not None else "the best constant answer"

    @property
    def reason(self) -> str:
        """The verdict in a sentence."""
        judged = [one for one in self.rulings if one.outcome != "not judged"]
        aside = len(self.rulings) - len(judged)
        unjudged = f", {aside} not judged" if aside else ""
        subject = f"version {self.challenger} against {self.rival} on {self.rows} test rows"
        if self.passed:
            return f"{subject}: passes {len(judged)} of {_rules(len(judged))}{unjudged}"
        named = "; ".join(one.sentence for one in self.failed[:3])
        more = f"; and {len(self.failed) - 3} more" if len(self.failed) > 3 else ""
        return f"{subject}: fails {len(self.failed)} of {_rules(len(judged))}{unjudged}: {named}{more}"

    def as_json(self) -> dict[str, Any]:
        """The content of verdict.json."""
        return asdict(self) | {"passed": self.passed, "reason": self.reason}

    def summary(self, most: int = 100) -> list[list[str]]:
        """Rule, outcome, value and bound of the rulings, those that failed first, as many as a tag may hold."""
        order = sorted(self.rulings, key=lambda one: ("fail", "pass", "not judged").index(one.outcome))
        return [[one.rule, one.outcome, one.value, one.bound] for one in order[:most]]


def unjudged(rule: str, sentence: str) -> Ruling:
    """The ruling on a rule that has too little evidence."""
    return Ruling(rule, "not judged", sentence)


def outcome(holds: bool) -> Outcome:
    """The outcome of a rule that was judged."""
    return "pass" if holds else "fail"


def bounded(rule: str, gap: Interval, bound: float, say: Callable[[float], str], sentence: str) -> Ruling:
    """The lower end of a difference must lie above a bound."""
    holds = gap.low > bound
    said = f"{sentence}; gain {say(gap.value)} ({say(gap.low)} to {say(gap.high)})"
    if not holds:
        said += f", whose lower end must be above {say(bound)}"
    numbers = {"value": gap.value, "low": gap.low, "high": gap.high, "bound": bound}
    return Ruling(rule, outcome(holds), said, say(gap.low), f"> {say(bound)}", numbers)


def collapse(rulings: Sequence[Ruling], what: str) -> list[Ruling]:
    """Rulings for a table: with those of a kind that were not judged in one line. Args: what: how their rules begin."""
    aside = [one for one in rulings if one.outcome == "not judged" and one.rule.startswith(what)]
    if len(aside) < 2:
        return list(rulings)
    first = aside[0]
    line = Ruling(f"{what}... ({len(aside)})", "not judged", f"{first.sentence}; {len(aside) - 1} more alike")
    return [line if one is first else one for one in rulings if one is first or one not in aside]


def _rules(number: int) -> str:
    return f"{number} rule" if number == 1 else f"{number} rules"
