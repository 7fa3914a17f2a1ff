"""Conversations as they lie in the shards: a list of turns a row."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from finetrail.contents.text.conversation.turns import Turn, faults
from finetrail.contents.text.stored import parts
from finetrail.data.canonical import canonical
from finetrail.data.store.content import Kind

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "messages"
"""The column of conversations in the shards, and the one that callers send."""
FAULTS = ("no_user_turn", "empty_turn", "unknown_role", "late_system_turn", "repeated_role")
FACTS: Mapping[str, Kind] = {
    **dict.fromkeys(("characters", "turns"), "int64"),
    **dict.fromkeys(("canonical", *FAULTS), "string"),
}


@dataclass(frozen=True)
class StoredConversations:
    """Describes a row by the characters of all its turns, by their number, and by what is wrong with them.

    The fact `canonical` is the SHA-256 of roles and texts, these in the form in which texts are compared.
    """

    column: str = NAME
    compression: Literal["zstd", "none"] = "zstd"
    facts: Mapping[str, Kind] = field(default_factory=lambda: dict(FACTS))

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        return pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))

    def describe(self, contents: Sequence[Any]) -> list[dict[str, object]]:
        """The facts of each row."""
        return [dict.fromkeys(FACTS) | ({} if content is None else _described(content)) for content in contents]


def _described(turns: Sequence[Turn]) -> dict[str, object]:
    compared = [[turn["role"], canonical(turn["content"])] for turn in turns]
    return {
        "characters": sum(map(len, parts(turns))),
        "turns": len(turns),
        "canonical": hashlib.sha256(json.dumps(compared).encode()).hexdigest(),
        **faults(turns),
    }
