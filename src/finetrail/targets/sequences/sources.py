"""The texts that a text to write belongs to."""

from typing import Any


def source_texts(content: Any) -> list[Any]:
    """The texts of a row: one, several by column, or the turns of a conversation; None if they are missing."""
    if isinstance(content, list):
        return [turn["content"] for turn in content]
    return list(content.values()) if isinstance(content, dict) else [content]
