"""The rules about labels that are answers in a context. They see a label as its key: its answers as JSON."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from finetrail.data.store.content import Kind
from finetrail.data.validation.findings import Null, Rule
from finetrail.data.validation.rules import CommonRules, RowRule, active, row_rule
from finetrail.targets.label_rules import labels_left_rule
from finetrail.targets.spans.reading import Answer, places
from finetrail.targets.spans.settings import ANSWERABLE, UNANSWERABLE

if TYPE_CHECKING:
    import pandas as pd

FAULTS: dict[str, tuple[str, str]] = {
    "empty_answer": ("No answer is empty or only white space", "with an answer that is empty or only white space"),
    "misplaced_answer": (
        "Every answer stands where it begins",
        "whose answer does not stand where it is said to begin",
    ),
}
"""What each rule about the answers of a row expects, and what is wrong with those that it finds."""
FACTS: dict[str, Kind] = {"answers": "int64", **dict.fromkeys(FAULTS, "string")}
SHOWN = 40
"""Characters of an answer that a message shows."""


class SpanRules(CommonRules):
    """The entries that section `validation` of params.yaml has where labels are answers in a context."""

    empty_answer: RowRule = RowRule()
    misplaced_answer: RowRule = RowRule()

    label_facts = FACTS
    label_key: ClassVar[str] = "label"

    def own_label_rules(self) -> tuple[Rule, ...]:
        remedy = "correct the answer, or where it begins"
        return tuple(
            replace(row_rule(self, name, None, expects, wrong, Null(name), remedy=remedy), tells=name)
            for name, (expects, wrong) in FAULTS.items()
        )

    def rules_of_all(self) -> tuple[Rule, ...]:
        return (
            labels_left_rule(
                1,
                "At least one question with an answer is left",
                "no question with an answer is left",
                "a model needs answers to learn from; add some",
            ),
        )

    def judge_labels(self, table: "pd.DataFrame") -> "pd.Series[bool]":
        import pandas as pd

        bad = pd.Series(False, index=table.index)
        for name in FAULTS:
            bad |= active(getattr(self, name), table[name].notna())
        return bad

    def judge_all(self, table: "pd.DataFrame", used: "pd.DataFrame") -> None:
        table["label_used"] = used["label"].where(used["label"] != "[]")

    def describe_labels(self, labels: "pd.Series[str]") -> dict[str, float]:
        none = int((labels == "[]").sum())
        return {ANSWERABLE: len(labels) - none, UNANSWERABLE: none}


def faults(answers: list[Answer], context: str) -> dict[str, str]:
    """What is wrong with the answers of a row, by rule."""
    found: dict[str, str] = {}
    for answer in answers:
        if not answer.text.strip():
            found.setdefault("empty_answer", f"an answer is {answer.text[:SHOWN]!r}")
        elif answer.start < 0 or context[answer.start : answer.end] != answer.text:
            found.setdefault("misplaced_answer", _misplaced(answer, context))
    return found


def _misplaced(answer: Answer, context: str) -> str:
    nearest = min(places(answer.text, context), key=lambda at: (abs(at - answer.start), at), default=None)
    where = "it stands nowhere in the context" if nearest is None else f"it stands at {nearest}"
    return f"{answer.text[:SHOWN]!r} is said to begin at {answer.start}, but {where}"
