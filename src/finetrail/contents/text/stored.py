"""Texts as the content of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from finetrail.data.store.content import Kind
from finetrail.errors import SourceError


@dataclass(frozen=True)
class Texts:
    """Described by their characters and words."""

    column: str = "text"
    stored: Literal["string", "binary"] = "string"
    compression: Literal["zstd", "none"] = "zstd"
    facts: Mapping[str, Kind] = field(default_factory=lambda: {"characters": "int64", "words": "int64"})

    def describe(self, contents: Sequence[str | None]) -> list[dict[str, object]]:
        """The number of characters, and of words between white space."""
        return [
            {"characters": None, "words": None}
            if text is None
            else {"characters": len(text), "words": len(text.split())}
            for text in contents
        ]


TEXT = Texts()


def as_text(where: str, value: Any) -> str | None:
    """A field of a table as text; None where it is empty.

    Raises:
        SourceError: it is something else. Args: where: the place, for the message.
    """
    if value is not None and not isinstance(value, str):
        raise SourceError(f"{where} holds {value!r}; it must be text")
    return value
