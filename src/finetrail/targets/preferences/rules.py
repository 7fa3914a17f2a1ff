"""The rules about preference pairs: each has two different answers to the same turns."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from finetrail.data.canonical import canonical
from finetrail.data.store.content import Kind
from finetrail.data.validation.findings import Between, Null, Rule
from finetrail.data.validation.rules import Needed, RowRule, active, row_rule
from finetrail.targets.preferences.reading import CHOSEN, REJECTED, compared_key
from finetrail.targets.sequences.rules import FACTS as OF_TEXTS
from finetrail.targets.sequences.rules import SequenceRules
from finetrail.targets.sequences.rules import facts_of as facts_of_text

if TYPE_CHECKING:
    import pandas as pd

FACTS: dict[str, Kind] = {**OF_TEXTS, "rejected_words": "int64", "same_answers": "string"}
_ONE_SIDED = "no "
"""Begins what a source says of a pair that lacks an answer."""


class PreferenceRules(SequenceRules):
    """The entries for preference pairs. What the rules of texts say of a target, they say of the chosen answer."""

    missing_side: Needed = Needed()
    different_prompts: Needed = Needed()
    empty_rejected: RowRule = RowRule()
    same_answers: RowRule = RowRule()

    label_facts = FACTS
    unlabelled: ClassVar[str] = "without a chosen and a rejected answer"

    def own_label_rules(self) -> tuple[Rule, ...]:
        side = row_rule(
            self, "missing_side", None, "No pair lacks one answer", "with one answer alone", Null("missing_side")
        )
        prompts = row_rule(
            self,
            "different_prompts",
            None,
            "Both answers of a pair belong to the same turns",
            "whose two answers belong to different turns",
            Null("different_prompts"),
        )
        told = (replace(side, tells="missing_side"), replace(prompts, tells="different_prompts"))
        empty = row_rule(
            self,
            "empty_rejected",
            None,
            "No rejected answer is empty or only white space or invisible characters",
            "whose rejected answer is empty or only white space or invisible characters",
            Between("rejected_words", low=1),
        )
        same = row_rule(
            self,
            "same_answers",
            None,
            "The two answers of a pair are different texts",
            "whose chosen and rejected answers are the same text",
            Null("same_answers"),
        )
        return (*told, empty, same, *super().own_label_rules())

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        """As for texts; also add `missing_side` and `different_prompts`: what a source says of a pair that is none."""
        import pandas as pd

        said = table["label_text"]
        lacking = said.str.startswith(_ONE_SIDED).fillna(False).astype(bool)
        table["missing_side"], table["different_prompts"] = said.where(lacking), said.where(~lacking)
        bad = super().judge_labels(table)
        keys = [compared_key(label) if isinstance(label, str) else None for label in table["label"]]
        table["compared_target"] = pd.Series(keys, index=table.index, dtype="str")
        bad |= active(self.empty_rejected, table["rejected_words"] == 0)
        bad |= active(self.same_answers, table["same_answers"].notna())
        return bad | said.notna()

    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        """Rows, and the least, mean and largest number of characters of a chosen answer."""
        return super().describe_labels(labels.map(lambda key: json.loads(key)[CHOSEN]).astype("str"))


def facts_of(label: Mapping[str, str] | None, content: Any) -> dict[str, object]:
    """What the rules need to know of a pair and the turns that it belongs to."""
    if label is None:
        return dict.fromkeys(FACTS)
    chosen, rejected = (canonical(label[side]) for side in (CHOSEN, REJECTED))
    return {
        **facts_of_text(label[CHOSEN], content),
        "rejected_words": len(rejected.split()),
        "same_answers": "yes" if chosen and chosen == rejected else None,
    }
