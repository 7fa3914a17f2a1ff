"""Texts as they lie in the shards: one a row, or several by the columns that they were read from."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from finetrail.data.canonical import canonical
from finetrail.data.store.content import Kind

if TYPE_CHECKING:
    import pyarrow as pa

FACTS: Mapping[str, Kind] = {
    **dict.fromkeys(("characters", "shortest", "longest", "words"), "int64"),
    "canonical": "string",
}


@dataclass(frozen=True)
class StoredTexts:
    """Describes a row by the characters of all its texts, of the shortest and of the longest, and by the fewest words.

    The fact `canonical` is the SHA-256 of the texts in the form in which texts are compared. Invisible characters are
    no words.

    Attributes:
        columns: that a row was read from; of several the stored value is a struct with their names.
    """

    columns: tuple[str, ...] = ("text",)
    column: str = "text"
    compression: Literal["zstd", "none"] = "zstd"
    facts: Mapping[str, Kind] = field(default_factory=lambda: dict(FACTS))

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        return pa.string() if len(self.columns) == 1 else pa.struct([(name, pa.string()) for name in self.columns])

    def describe(self, contents: Sequence[Any]) -> list[dict[str, object]]:
        """The facts of each row; white space separates words."""
        return [_described(content) for content in contents]


def _described(content: Any) -> dict[str, object]:
    if content is None:
        return dict.fromkeys(FACTS)
    lengths = [len(text) for text in parts(content)]
    compared = [canonical(text) for text in parts(content)]
    return {
        "characters": sum(lengths),
        "shortest": min(lengths),
        "longest": max(lengths),
        "words": min(len(text.split()) for text in compared),
        "canonical": hashlib.sha256(json.dumps(compared).encode()).hexdigest(),
    }


def parts(content: Any) -> list[str]:
    """The texts of a row, in the order of their columns, or of the turns of a conversation."""
    return [text for _, text in named(content)]


def named(content: Any) -> list[tuple[str, str]]:
    """The texts of a row, each with the name of its column or the role of its turn; a single text has none."""
    if isinstance(content, list):
        return [(turn["role"], turn["content"]) for turn in content]
    return list(content.items()) if isinstance(content, dict) else [("", content)]


def in_a_line(content: Any, most: int) -> str:
    """The start of a row's texts on one line, for people; a bar separates several, and turns have their roles."""
    if content is None:
        return ""
    roles = isinstance(content, list)
    shown = (f"{name}: {text}" if roles else text for name, text in named(content))
    return " | ".join(" ".join(text.split()) for text in shown)[:most]
