"""What a rule is, as Great Expectations checks it and as a person reads it, and what it found."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class NotNull:
    """Every row has a value in the column."""

    column: str


@dataclass(frozen=True)
class Null:
    """No row has a value in the column."""

    column: str


@dataclass(frozen=True)
class Between:
    """Every value is at least `low` and at most `high`; None means no bound."""

    column: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class InSet:
    """Every value is one of these."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class OfType:
    """The column has one of these pandas types."""

    column: str
    types: tuple[str, ...]


@dataclass(frozen=True)
class Unique:
    """No value occurs twice."""

    column: str


@dataclass(frozen=True)
class AtLeast:
    """The column has at least this many different values."""

    column: str
    values: int


@dataclass(frozen=True)
class HasColumns:
    """The table has these columns."""

    columns: tuple[str, ...]


Check = NotNull | Null | Between | InSet | OfType | Unique | AtLeast | HasColumns


@dataclass(frozen=True)
class Rule:
    """A rule as a person reads it, and the checks that it consists of.

    Attributes:
        policy: what happens to the rows found: `fail`, `quarantine`, `warn`, `merge`, or `off` if the rule is not
            checked.
        bound: the number, list or names that params.yaml sets, if the rule has one.
        about: `rows`: rows are found one by one and put aside; `table`: the table as a whole is at fault.
        expects: what holds if nothing is found, as a sentence.
        wrong: what is wrong with the rows found, worded to follow "3 rows".
        remedy: what a person can do about it, besides changing the policy.
        checks: on the columns of the manifest and of `derive`; none for a rule that allows everything.
        tells: the column that says what is wrong with a row, where the rule's name does not say it.
        milder: the policy that a message offers in place of `fail`.
        counts: what a finding counts: the rows found, or the faults of the table.
    """

    name: str
    policy: str
    bound: Any
    about: Literal["rows", "table"]
    expects: str
    wrong: str
    remedy: str
    checks: tuple[Check, ...]
    counts: Literal["rows", "faults"] = "rows"
    tells: str = ""
    milder: str = ""

    @property
    def puts_aside(self) -> bool:
        """Whether the rows found are excluded from use."""
        return self.about == "rows" and self.policy in ("fail", "quarantine")


@dataclass(frozen=True)
class Finding:
    """What a rule found: how many rows, and which; for a rule that counts faults, how many faults, and which."""

    rule: Rule
    unexpected: int
    ids: tuple[str, ...] = ()
    detail: str = ""

    @property
    def success(self) -> bool:
        return self.unexpected == 0

    @property
    def failed(self) -> bool:
        """Whether this stops the pipeline."""
        return self.rule.policy == "fail" and not self.success

    @property
    def rows(self) -> str:
        """How many, as in "1 row"."""
        return "1 row" if self.unexpected == 1 else f"{self.unexpected} rows"

    @property
    def message(self) -> str:
        """The finding in words."""
        if self.rule.policy == "off":
            return "not checked (policy off)"
        if self.success:
            return self.rule.expects
        if not self.ids:
            return f"{self.rule.wrong} ({self.detail})"
        outcome = {"fail": "stops the pipeline", "quarantine": "put aside", "warn": "a warning only, they are used"}
        return f"{self.said}: {(outcome | {'merge': 'taken as one'})[self.rule.policy]}"

    @property
    def said(self) -> str:
        """How many rows, and what is wrong with them."""
        return f"{self.rows} {self.rule.wrong}" + (f" ({self.detail})" if self.detail else "")
