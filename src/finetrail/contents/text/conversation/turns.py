"""A conversation as every stage has it: a list of turns, each a mapping with `role` and `content`.

What a model reads ends with a user's turn; the assistant's turn behind it, if there is one, is the label.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from finetrail.data.canonical import is_blank, is_missing
from finetrail.errors import SourceError

Turn = dict[str, str]
SHOWN = 20
"""Characters of an unknown role that a message shows."""
SYSTEM, USER, ASSISTANT = "system", "user", "assistant"
ROLES = (SYSTEM, USER, ASSISTANT)
_ALIASES = {"human": USER, "gpt": ASSISTANT}
"""The names of roles in ShareGPT's format."""


def turns_of(where: str, value: Any) -> list[Turn] | None:
    """The turns in a field of a table; None where it is missing.

    Args:
        where: the place, for messages.
        value: a list of mappings with `role` and `content`, or with ShareGPT's `from` and `value`; or its JSON text.

    Raises:
        SourceError: it is something else.
    """
    if is_missing(value):
        return None
    found = _decoded(value)
    if not isinstance(found, list | tuple):
        raise SourceError(
            f"{where} holds {str(value)[:60]!r} ({type(value).__name__}); a conversation is a list of turns, or its "
            'JSON text; write it as [{"role": "user", "content": "..."}]'
        )
    return [_turn(f"{where}, turn {number}", one) for number, one in enumerate(found, start=1)]


def said_by(role: str, where: str, value: Any) -> list[Turn] | None:
    """The turns in a field that holds a text of one role, or a list of turns; None where there is neither.

    A text is a text, even one that is the JSON of turns: whoever wrote it must not speak for the system. A blank one
    stays: a rule of its own finds it.
    """
    if isinstance(value, str):
        return [{"role": role, "content": value}]
    return turns_of(where, value)


def divided(turns: Sequence[Turn]) -> tuple[list[Turn], str | None]:
    """What stands in front of the last turn, and that turn's text, if it is the assistant's; else all turns, None."""
    if turns and turns[-1]["role"] == ASSISTANT:
        return list(turns[:-1]), turns[-1]["content"]
    return list(turns), None


def faults(turns: Sequence[Turn]) -> dict[str, str]:
    """What is wrong with the turns in front of an answer: the first place of each kind of fault."""
    if all(turn["role"] == SYSTEM for turn in turns):
        return {"no_user_turn": "only a system turn" if turns else "no turn"}
    found: dict[str, str] = {}
    # The answer follows: behind an assistant's turn, it would be a second one.
    roles = [*(turn["role"] for turn in turns), ASSISTANT]
    for number, (turn, role, after) in enumerate(zip(turns, roles, roles[1:], strict=False), start=1):
        if is_blank(turn["content"]):
            found.setdefault("empty_turn", f"turn {number}, {role}")
        if role not in ROLES:
            found.setdefault("unknown_role", f"turn {number}, {role[:SHOWN]!r}")
        if role == SYSTEM and number > 1:
            found.setdefault("late_system_turn", f"turn {number}")
        if role == after:
            found.setdefault("repeated_role", f"turns {number} and {number + 1}, {role}")
    return found


def _decoded(value: Any) -> Any:
    """A list out of JSON text, or out of an array; everything else as it is."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value.tolist() if hasattr(value, "tolist") else value


def _turn(where: str, value: Any) -> Turn:
    if isinstance(value, Mapping):
        role, text = value.get("role", value.get("from")), _text(value.get("content", value.get("value")))
        if isinstance(role, str) and text is not None:
            return {"role": _ALIASES.get(role, role), "content": text}
    raise SourceError(
        f"{where} is {str(value)[:60]!r}; it must have a role and a text as content; write it as "
        '{"role": "user", "content": "..."}'
    )


def _text(value: Any) -> str | None:
    """The text of a turn: a string, empty where there is none, or parts of type `text`; None if it is something else.

    A turn that only calls a tool has no text.
    """
    if value is None or isinstance(value, str):
        return value or ""
    parts = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(parts, list) or not all(isinstance(one, Mapping) and one.get("type") == "text" for one in parts):
        return None
    texts = [one.get("text") for one in parts]
    return "".join(texts) if all(isinstance(text, str) for text in texts) else None
