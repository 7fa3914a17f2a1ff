"""What makes a conversation fit to train on: section `validation` of params.yaml for conversations."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from finetrail.contents.text.conversation.stored import FACTS, FAULTS, NAME
from finetrail.contents.text.rules import TextualRules
from finetrail.data.validation.findings import NotNull, Null, Rule
from finetrail.data.validation.rules import Needed, RowRule, active, compare, prepare, row_rule

if TYPE_CHECKING:
    import pandas as pd

_SAID: Mapping[str, tuple[str, str]] = {
    "no_user_turn": ("A user's turn stands in front of every answer", "without a user's turn in front of the answer"),
    "empty_turn": ("No turn is empty", "with a turn that is empty, or only white space or invisible characters"),
    "unknown_role": (
        "Every turn is of the system, the user or the assistant",
        "with a turn of someone else than the system, the user or the assistant",
    ),
    "late_system_turn": ("Only the first turn is the system's", "with a system turn behind the first turn"),
    "repeated_role": ("No two turns in a row are of one role", "with two turns in a row of one role"),
}
"""What each rule about turns expects, and what is wrong with the rows that it finds."""


class ConversationRules(TextualRules):
    """The entries for conversations. Their length is that of all turns in front of the answer."""

    missing_messages: Needed = Needed()
    no_user_turn: Needed = Needed()
    empty_turn: RowRule = RowRule()
    unknown_role: RowRule = RowRule()
    late_system_turn: RowRule = RowRule()
    repeated_role: RowRule = RowRule()

    facts: ClassVar[Mapping[str, str]] = FACTS
    column: ClassVar[str] = NAME
    noun: ClassVar[str] = "conversation"

    def own_rules(self) -> tuple[Rule, ...]:
        missing = row_rule(
            self, "missing_messages", None, "Every row has a conversation", "without a conversation", NotNull("sha256")
        )
        turns = (replace(row_rule(self, name, None, *_SAID[name], Null(name)), tells=name) for name in FAULTS)
        return (missing, *turns)

    def derive(self, manifest: "pd.DataFrame") -> "pd.DataFrame":
        """The manifest with the columns of `compare`, and `length`: the characters of conversations without a fault."""
        import pandas as pd

        table = prepare(manifest, self.manifest)
        wrong = pd.Series(False, index=table.index)
        for name in FAULTS:
            wrong |= active(getattr(self, name), table[name].notna())
        table["length"] = table["characters"].where(~wrong).astype("Int64")
        return compare(table, wrong | self.too_long(table), self)
