"""Slices of a split by what its conversations hold."""

from typing import Any

from pydantic import Field

from finetrail.contents.text.settings import TextSlice
from finetrail.contents.text.stored import parts


def characters(content: Any) -> int:
    """The characters of all turns."""
    return sum(map(len, parts(content)))


class ConversationSlice(TextSlice):
    """A slice of conversations.

    Attributes:
        min_turns, max_turns: how many turns stand in front of the answer, that of the system among them.
    """

    numbers = {"characters": characters, "turns": len}  # noqa: RUF012 - read only, by its type
    min_turns: int | None = Field(default=None, ge=0)
    max_turns: int | None = Field(default=None, ge=0)
