"""The rules about labels that are classes."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from finetrail.data.validation.findings import Between, InSet, Rule
from finetrail.data.validation.rules import active
from finetrail.settings import Settings
from finetrail.targets.label_rules import (
    NamedLabelRules,
    RareLabel,
    labels_left_rule,
    rare_label_rule,
    spelled_otherwise,
    spelling_rule,
    unknown_label_rule,
)

if TYPE_CHECKING:
    import pandas as pd


class ClassBalance(Settings):
    """The largest class has more than `max_ratio` times the rows of the smallest; no single row is at fault."""

    policy: Literal["fail", "warn", "off"] = "warn"
    max_ratio: float = Field(default=20.0, ge=1)


class ClassRules(NamedLabelRules):
    """The entries that section `validation` of params.yaml has where labels are classes."""

    rare_label: RareLabel = RareLabel()
    class_balance: ClassBalance = ClassBalance()

    label_key: ClassVar[str] = "label"

    def own_label_rules(self) -> tuple[Rule, ...]:
        allowed = self.unknown_label.labels
        known = [] if allowed is None else [InSet("label", allowed)]
        return spelling_rule(self), unknown_label_rule(self, self.unknown_label, *known)

    def rules_of_all(self) -> tuple[Rule, ...]:
        rare, ratio = self.rare_label.min_rows, self.class_balance.max_ratio
        return (
            rare_label_rule(self, self.rare_label, Between("rows_of_label", low=rare)),
            Rule(
                "class_balance",
                self.class_balance.policy,
                ratio,
                "table",
                f"No label has more than {ratio:g} times the rows of another",
                f"of labels that the most frequent one outnumbers more than {ratio:g} to 1",
                "add rows of these labels, or raise validation.class_balance.max_ratio",
                (Between("largest_class_times", high=ratio),),
            ),
            labels_left_rule(
                2,
                "At least two labels are left to tell apart",
                "fewer than two labels are left",
                "a classifier needs rows of at least two labels; add some",
            ),
        )

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        names = self.unknown_label.labels
        unknown = table["label"].notna() & ~table["label"].isin(list(names or ())) & (names is not None)
        return active(self.unknown_label, unknown) | spelled_otherwise(self, table)

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        """Add `rows_of_label`, `label_used` and `largest_class_times`: rows of the largest class over the label's."""
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
