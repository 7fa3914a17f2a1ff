"""Rules about labels that several kinds of target have: which are allowed, and how many rows each name needs."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from finetrail.data.validation.findings import AtLeast, Check, Null, Rule
from finetrail.data.validation.rules import CommonRules, RowPolicy, active, row_rule
from finetrail.data.validation.spellings import COLUMN, Spellings, find
from finetrail.settings import Settings

if TYPE_CHECKING:
    import pandas as pd


class UnknownLabel(Settings):
    """A label that is none of `labels`; null allows every label."""

    policy: RowPolicy = "fail"
    labels: Annotated[tuple[str, ...], Field(strict=False, min_length=2)] | None = None


class RareLabel(Settings):
    """A label with fewer than `min_rows` rows."""

    policy: RowPolicy = "fail"
    min_rows: int = Field(default=5, ge=1)


class LabelSpelling(Settings):
    """Names that differ only by case, white space or normal form: `merge` takes them as one."""

    policy: Literal["fail", "merge", "off"] = "fail"


class Allowed(Settings):
    """A rule that allows everything by default."""

    policy: RowPolicy = "off"


class Bounds(Settings):
    """A number below `min` or above `max`; null sets no bound."""

    policy: RowPolicy = "quarantine"
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Bounds":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}; swap them")
        return self

    @property
    def words(self) -> str:
        """The bounds, after "a number" or "numbers"; empty if there are none."""
        return " ".join(f"{word} {end:g}" for word, end in (("from", self.min), ("to", self.max)) if end is not None)

    def broken(self, values: "pd.Series[float]") -> "pd.Series[bool]":
        """The rows that the rule puts aside."""
        low, high = (float("-inf") if self.min is None else self.min), (float("inf") if self.max is None else self.max)
        return active(self, (values < low) | (values > high))


class SpelledLabelRules(CommonRules):
    """The entry of section `validation` about names that are spelled in several ways."""

    label_spelling: LabelSpelling = LabelSpelling()


class NamedLabelRules(SpelledLabelRules):
    """The entries of section `validation` for labels made of names."""

    unknown_label: UnknownLabel = UnknownLabel()

    def spellings(self, names: Mapping[str, int]) -> Spellings:
        policy = self.label_spelling.policy
        if policy == "off":
            return Spellings()
        return find(names, self.unknown_label.labels or (), merge=policy == "merge")


def spelling_rule(rules: SpelledLabelRules, what: str = "label") -> Rule:
    """Each name is spelled in one way. Args: what: the word for a label."""
    return replace(
        row_rule(
            rules,
            "label_spelling",
            None,
            f"No two {what}s differ only by case, white space or normal form",
            f"with another spelling of a {what}",
            Null(COLUMN),
            remedy=f"write each {what} in one way",
        ),
        tells=COLUMN,
        milder="merge",
    )


def spelled_otherwise(rules: SpelledLabelRules, table: "pd.DataFrame") -> "pd.Series[bool]":
    """The rows that `label_spelling` puts aside."""
    import pandas as pd

    found = table[COLUMN].notna() if COLUMN in table else pd.Series(False, index=table.index)
    return active(rules.label_spelling, found)


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


def labels_left_rule(least: int, expects: str, wrong: str, remedy: str) -> Rule:
    """Enough different labels are left. Args: least: how many."""
    checks = (AtLeast("label_used", least),)
    return Rule("two_labels", "fail", least, "table", expects, wrong, remedy, checks, "faults")


def names_in(labels: "pd.Series[str]", place: int) -> list[set[str] | None]:
    """The names in the label of each row, from its key; None where there is no label.

    Args:
        labels: JSON lists of lists, each with its name at a place.
    """
    return [
        {part[place] for part in json.loads(key)} if isinstance(key, str) and key.startswith("[") else None
        for key in labels
    ]


def count_unknown(
    table: "pd.DataFrame", names: Sequence[Collection[str] | None], entry: UnknownLabel
) -> "pd.Series[int]":
    """How many names of each row are not allowed."""
    import pandas as pd

    allowed = set(entry.labels or ())
    found = [None if one is None else len({*one} - allowed) if allowed else 0 for one in names]
    return pd.Series(found, index=table.index, dtype="Int64")


def find_rare(
    entry: RareLabel,
    table: "pd.DataFrame",
    used: "pd.DataFrame",
    names: Sequence[Collection[str] | None],
    column: str,
) -> "pd.Series[bool]":
    """The used rows with a name that `rare_label` puts aside; the table gains the rows of each row's rarest name.

    Args:
        names: of each used row.
        column: where they are counted.
    """
    import pandas as pd

    rows = Counter(name for one in names for name in one or ())
    rarest = [min(rows[name] for name in one) if one else None for one in names]
    table[column] = pd.Series(rarest, index=used.index, dtype="Int64")
    return active(entry, table.loc[used.index, column] < entry.min_rows)


def first_names(names: Sequence[Collection[str] | None], used: "pd.DataFrame") -> "pd.Series[str]":
    """A name of each used row, to count which are left."""
    import pandas as pd

    return pd.Series([min(one) if one else None for one in names], index=used.index, dtype="str")
