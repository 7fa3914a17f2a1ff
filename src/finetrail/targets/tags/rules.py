"""The rules about labels that are spans of a text. They see a label as its key: its spans as JSON."""

import json
from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from finetrail.data.store.content import Kind
from finetrail.data.validation.findings import AtLeast, Between, Null, Rule
from finetrail.data.validation.rules import RowRule, active, row_rule
from finetrail.targets.label_rules import (
    NamedLabelRules,
    RareLabel,
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
            Rule(
                "two_labels",
                "fail",
                1,
                "table",
                "At least one type of span is left",
                "no row with a span is left",
                "a model needs rows with spans to learn from; add some",
                (AtLeast("label_used", 1),),
                "faults",
            ),
        )

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        import pandas as pd

        allowed = set(self.unknown_label.labels or ())
        types = _types(table["label"])
        strange = [None if one is None else len(one - allowed) if allowed else 0 for one in types]
        table["compared_spans"] = _compared(table)
        table["unknown_types"] = pd.Series(strange, index=table.index, dtype="Int64")
        bad = active(self.unknown_label, table["unknown_types"] > 0) | spelled_otherwise(self, table)
        for name in FAULTS:
            bad |= active(getattr(self, name), table[name].notna())
        return bad

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        import pandas as pd

        types = _types(used["label"])
        rows = Counter(kind for one in types for kind in one or ())
        rarest = [min(rows[kind] for kind in one) if one else None for one in types]
        table["rows_of_rarest_type"] = pd.Series(rarest, index=used.index, dtype="Int64")
        rare = active(self.rare_label, table.loc[used.index, "rows_of_rarest_type"] < self.rare_label.min_rows)
        first = pd.Series([min(one) if one else None for one in types], index=used.index, dtype="str")
        table["label_used"] = first[~rare]

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


def _types(labels: "pd.Series[str]") -> list[set[str] | None]:
    """The types of each row, from its key; None where there is no label."""
    return [
        {span[2] for span in json.loads(key)} if isinstance(key, str) and key.startswith("[") else None
        for key in labels
    ]
