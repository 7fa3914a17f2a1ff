"""The rules about labels that are spans of a text. They see a label as its key: its spans as JSON."""

import json
from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from finetrail.data.store.content import Kind
from finetrail.data.validation.findings import Between, Null, Rule
from finetrail.data.validation.rules import RowRule, active, row_rule
from finetrail.targets.label_rules import (
    NamedLabelRules,
    RareLabel,
    count_unknown,
    find_rare,
    first_names,
    labels_left_rule,
    names_in,
    rare_label_rule,
    spelled_otherwise,
    spelling_rule,
    unknown_label_rule,
)

if TYPE_CHECKING:
    import pandas as pd

FAULTS: dict[str, tuple[str, str]] = {
    "outside_text": ("Every span lies in its text", "with a span outside the text"),
    "overlapping_spans": ("No two spans overlap", "with spans that overlap"),
    "cut_word": ("Every span is made of whole words", "with a span that cuts a word, or has white space at an end"),
    "illegal_tags": ("Every sequence of tags is legal in its scheme", "whose tags break their scheme"),
}
"""What each rule about the spans of a row expects, and what is wrong with those that it finds."""
_TYPE = 2
"""Where a span has its type in the key of a label."""
FACTS: dict[str, Kind] = {"spans": "int64", "canonical_spans": "string", **dict.fromkeys(FAULTS, "string")}


class TagRules(NamedLabelRules):
    """The entries that section `validation` of params.yaml has where labels are spans."""

    outside_text: RowRule = RowRule()
    overlapping_spans: RowRule = RowRule()
    cut_word: RowRule = RowRule()
    illegal_tags: RowRule = RowRule()
    rare_label: RareLabel = RareLabel()

    label_facts = FACTS
    label_key: ClassVar[str] = "compared_spans"

    def own_label_rules(self) -> tuple[Rule, ...]:
        spans = [row_rule(self, name, None, expects, wrong, Null(name)) for name, (expects, wrong) in FAULTS.items()]
        bound = [] if self.unknown_label.labels is None else [Between("unknown_types", high=0)]
        unknown = unknown_label_rule(self, self.unknown_label, *bound, what="type")
        return (*spans, spelling_rule(self, "type"), unknown)

    def rules_of_all(self) -> tuple[Rule, ...]:
        return (
            rare_label_rule(
                self, self.rare_label, Between("rows_of_rarest_type", low=self.rare_label.min_rows), what="type"
            ),
            labels_left_rule(
                1,
                "At least one type of span is left",
                "no row with a span is left",
                "a model needs rows with spans to learn from; add some",
            ),
        )

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        table["compared_spans"] = _compared(table)
        table["unknown_types"] = count_unknown(table, names_in(table["label"], _TYPE), self.unknown_label)
        bad = active(self.unknown_label, table["unknown_types"] > 0) | spelled_otherwise(self, table)
        for name in FAULTS:
            bad |= active(getattr(self, name), table[name].notna())
        return bad

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        names = names_in(used["label"], _TYPE)
        rare = find_rare(self.rare_label, table, used, names, "rows_of_rarest_type")
        table["label_used"] = first_names(names, used)[~rare]

    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        return dict(Counter(span[2] for key in labels for span in json.loads(key)))


def _compared(table: "pd.DataFrame") -> "pd.Series[str]":
    """The spans of each row by their places in the canonical text; by their own where that is missing."""
    import pandas as pd

    found: list[str | None] = []
    for key, edges in zip(table["label"], table["canonical_spans"], strict=True):
        if isinstance(key, str) and isinstance(edges, str):
            spans = zip(json.loads(edges), json.loads(key), strict=True)
            found.append(json.dumps(sorted([*places, span[2]] for places, span in spans)))
        else:
            found.append(key if isinstance(key, str) else None)
    return pd.Series(found, index=table.index, dtype="str")
