"""The rules about labels, by what a label is: a class (`ClassRules`) or a number (`NumberRules`).

A section of params.yaml joins one of these with the rules about its content: see `text_rules.py`, `image_rules.py`.
"""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from finetrail.data.validation.findings import AtLeast, Between, InSet, Null, Rule
from finetrail.data.validation.rules import CommonRules, Needed, RowPolicy, active, row_rule
from finetrail.settings import Settings
from finetrail.targets.numbers.numbers import to_number

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


class ClassBalance(Settings):
    """The largest class has more than `max_ratio` times the rows of the smallest; no single row is at fault."""

    policy: Literal["fail", "warn", "off"] = "warn"
    max_ratio: float = Field(default=20.0, ge=1)


class ClassRules(CommonRules):
    """The entries that section `validation` of params.yaml has where labels are classes."""

    unknown_label: UnknownLabel = UnknownLabel()
    rare_label: RareLabel = RareLabel()
    class_balance: ClassBalance = ClassBalance()

    label_key: ClassVar[str] = "label"

    def own_label_rules(self) -> tuple[Rule, ...]:
        labels = self.unknown_label.labels
        return (
            row_rule(self, "unknown_label", None if labels is None else list(labels),
                     "Every label is allowed" if labels is None else f"Every label is one of the {len(labels)} allowed",
                     "with a label that is not allowed", *([] if labels is None else [InSet("label", labels)]),
                     remedy="correct the label, or add it to validation.unknown_label.labels"),
        )  # fmt: skip

    def rules_of_all(self) -> tuple[Rule, ...]:
        rare, ratio = self.rare_label.min_rows, self.class_balance.max_ratio
        return (
            row_rule(self, "rare_label", rare, f"Every label has at least {rare} rows",
                     f"whose label has fewer than {rare} rows", Between("rows_of_label", low=rare),
                     remedy="add rows of that label, or lower validation.rare_label.min_rows"),
            Rule("class_balance", self.class_balance.policy, ratio, "table",
                 f"No label has more than {ratio:g} times the rows of another",
                 f"of labels that the most frequent one outnumbers more than {ratio:g} to 1",
                 "add rows of these labels, or raise validation.class_balance.max_ratio",
                 (Between("largest_class_times", high=ratio),)),
            Rule("two_labels", "fail", 2, "table", "At least two labels are left to tell apart",
                 "fewer than two labels are left", "a classifier needs rows of at least two labels; add some",
                 (AtLeast("label_used", 2),), "faults"),
        )  # fmt: skip

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        names = self.unknown_label.labels
        unknown = table["label"].notna() & ~table["label"].isin(list(names or ())) & (names is not None)
        return active(self.unknown_label, unknown)

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        """Add `rows_of_label`, `label_used` and `largest_class_times`: rows of the largest class over those of its."""
        table["rows_of_label"] = used.groupby("label")["id"].transform("size").astype("Int64")
        used = used[~active(self.rare_label, table.loc[used.index, "rows_of_label"] < self.rare_label.min_rows)]
        table["label_used"] = used["label"]
        sizes = used.groupby("label")["id"].transform("size")
        table["largest_class_times"] = (sizes.max() / sizes).astype("float64")

    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        counts: dict[str, float] = {}
        for label in map(str, labels):
            counts[label] = counts.get(label, 0) + 1
        return counts


class LabelRange(Settings):
    """A number below `min` or above `max`; null does not bind."""

    policy: RowPolicy = "quarantine"
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "LabelRange":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}; swap them")
        return self

    @property
    def words(self) -> str:
        """The bounds, after "a number" or "numbers"."""
        ends = [f"{word} {end:g}" for word, end in (("from", self.min), ("to", self.max)) if end is not None]
        return " ".join(ends) or "of any size"


class NumberRules(CommonRules):
    """The entries that section `validation` of params.yaml has where labels are numbers.

    Two labels are the same if their numbers are: 3 and 3.0 do not conflict.
    """

    numeric_label: Needed = Needed()
    label_range: LabelRange = LabelRange()

    label_key: ClassVar[str] = "number"

    def own_label_rules(self) -> tuple[Rule, ...]:
        bounds = self.label_range
        binds = bounds.min is not None or bounds.max is not None
        return (
            row_rule(self, "numeric_label", None, "Every label is a finite number",
                     "whose label is not a finite number", Null("label_of_words"),
                     remedy="write numbers like 1234.5 or 1.2e3, with a point and no thousands separators"),
            row_rule(self, "label_range", [bounds.min, bounds.max] if binds else None,
                     f"Every label is a number {bounds.words}", f"whose label is not a number {bounds.words}",
                     *([Between("number", bounds.min, bounds.max)] if binds else []),
                     remedy="correct the label, or change the bounds in validation.label_range"),
        )  # fmt: skip

    def rules_of_all(self) -> tuple[Rule, ...]:
        return (
            Rule("two_labels", "fail", 2, "table", "At least two different numbers are left to tell apart",
                 "fewer than two different numbers are left", "a regression needs labels that differ; add some rows",
                 (AtLeast("label_used", 2),), "faults"),
        )  # fmt: skip

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        """Add `number`, and `label_of_words`: the label where it is no number."""
        import pandas as pd

        numbers = [to_number(label) for label in table["label"]]
        table["number"] = pd.Series(numbers, index=table.index, dtype="float64")
        table["label_of_words"] = table["label"].where(table["number"].isna())
        low, high = self.label_range.min, self.label_range.max
        outside = pd.Series(False, index=table.index)
        outside |= table["number"] < (float("-inf") if low is None else low)
        outside |= table["number"] > (float("inf") if high is None else high)
        return table["label_of_words"].notna() | active(self.label_range, outside)

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        """Add `label_used`."""
        table["label_used"] = used["number"]

    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        """Rows, least, mean and largest number."""
        numbers = [value for value in map(to_number, labels) if value is not None]
        if not numbers:
            return {"rows": 0}
        return {"rows": len(numbers), "min": min(numbers), "mean": sum(numbers) / len(numbers), "max": max(numbers)}
