"""Rules about labels that several kinds of target have: which are allowed, and how many rows each needs."""

from typing import Annotated

from pydantic import Field

from finetrail.data.validation.findings import Check, Rule
from finetrail.data.validation.rules import CommonRules, RowPolicy, row_rule
from finetrail.settings import Settings


class UnknownLabel(Settings):
    """A label that is none of `labels`; null allows every label."""

    policy: RowPolicy = "fail"
    labels: Annotated[tuple[str, ...], Field(strict=False, min_length=2)] | None = None


class RareLabel(Settings):
    """A label with fewer than `min_rows` rows."""

    policy: RowPolicy = "fail"
    min_rows: int = Field(default=5, ge=1)


def unknown_label_rule(rules: CommonRules, entry: UnknownLabel, *checks: Check, what: str = "label") -> Rule:
    """Every label is allowed. Args: checks: none if all are; what: the word for a label."""
    allowed = entry.labels
    return row_rule(
        rules,
        "unknown_label",
        None if allowed is None else list(allowed),
        f"Every {what} is allowed" if allowed is None else f"Every {what} is one of the {len(allowed)} allowed",
        f"with a {what} that is not allowed",
        *checks,
        remedy=f"correct the {what}, or add it to validation.unknown_label.labels",
    )


def rare_label_rule(rules: CommonRules, entry: RareLabel, *checks: Check, what: str = "label") -> Rule:
    """Every label has enough rows. Args: what: the word for a label."""
    return row_rule(
        rules,
        "rare_label",
        entry.min_rows,
        f"Every {what} has at least {entry.min_rows} rows",
        f"whose {what} has fewer than {entry.min_rows} rows",
        *checks,
        remedy=f"add rows of that {what}, or lower validation.rare_label.min_rows",
    )
