"""The rules about labels that are sets of classes. They see a set as its key: its names as JSON."""

import json
from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from finetrail.data.validation.findings import Between, Rule
from finetrail.data.validation.rules import RowPolicy, active, row_rule
from finetrail.settings import Settings
from finetrail.targets.label_rules import (
    NamedLabelRules,
    RareLabel,
    count_unknown,
    find_rare,
    labels_left_rule,
    rare_label_rule,
    spelled_otherwise,
    spelling_rule,
    unknown_label_rule,
)

if TYPE_CHECKING:
    import pandas as pd


class EmptyLabel(Settings):
    """A row that has none of the classes: `off` accepts it like any other label."""

    policy: RowPolicy = "off"


class SetRules(NamedLabelRules):
    """The entries that section `validation` of params.yaml has where labels are sets of classes."""

    empty_label: EmptyLabel = EmptyLabel()
    rare_label: RareLabel = RareLabel()

    label_key: ClassVar[str] = "label"

    def own_label_rules(self) -> tuple[Rule, ...]:
        bound = [] if self.unknown_label.labels is None else [Between("unknown_labels", high=0)]
        unknown = unknown_label_rule(self, self.unknown_label, *bound)
        empty = row_rule(
            self,
            "empty_label",
            None,
            "Every row has at least one class",
            "with none of the classes",
            Between("labels_of_row", low=1),
            remedy="add the classes",
        )
        return spelling_rule(self), unknown, empty

    def rules_of_all(self) -> tuple[Rule, ...]:
        return (
            rare_label_rule(self, self.rare_label, Between("rows_of_rarest_label", low=self.rare_label.min_rows)),
            labels_left_rule(
                2,
                "At least two different sets are left to tell apart",
                "fewer than two different sets are left",
                "a classifier needs rows with a class and rows without; add some",
            ),
        )

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        sets = _sets(table["label"])
        table["unknown_labels"] = count_unknown(table, sets, self.unknown_label)
        table["labels_of_row"] = _numbers(table, [None if one is None else len(one) for one in sets])
        unknown = active(self.unknown_label, table["unknown_labels"] > 0)
        unknown |= spelled_otherwise(self, table)
        return unknown | active(self.empty_label, table["labels_of_row"] == 0)

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        rare = find_rare(self.rare_label, table, used, _sets(used["label"]), "rows_of_rarest_label")
        table["label_used"] = used["label"][~rare]

    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        counts: Counter[str] = Counter()
        for one in _sets(labels):
            counts.update(one or ["(none)"])
        return dict(counts)


def _sets(labels: "pd.Series[str]") -> list[list[str] | None]:
    """The sets from their keys; None where the label is missing or unreadable."""
    return [json.loads(key) if isinstance(key, str) and key.startswith("[") else None for key in labels]


def _numbers(table: "pd.DataFrame", values: list[int | None]) -> "pd.Series[int]":
    import pandas as pd

    return pd.Series(values, index=table.index, dtype="Int64")
