"""Section `source` of params.yaml for conversations with two answers each, of which people preferred one."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import model_validator

from finetrail.contents.text.conversation.source import PAIRS, TurnColumns, TurnSource
from finetrail.contents.text.conversation.stored import NAME
from finetrail.contents.text.conversation.turns import ASSISTANT, SYSTEM, USER, Turn, divided, said_by, turns_of
from finetrail.data.canonical import canonical, is_blank
from finetrail.data.sources.columns import ColumnName, Has, Tell
from finetrail.data.store.raw import Unreadable
from finetrail.errors import SourceError

_SPEAKERS = {"Human": USER, "Assistant": ASSISTANT}
_SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")


class ComparedColumns(TurnColumns):
    """Which columns of the source hold conversations with two answers.

    Attributes:
        prompt: a text of the user, or a list of turns.
        messages: lists of turns, for a table without prompts; an answer at the end is left away.
        chosen, rejected: the answers, as texts or as turns; or whole conversations, each with its answer at the end.
        system: the text of a system turn in front, where a table has the column.
    """

    prompt: ColumnName = "prompt"
    messages: ColumnName = "messages"
    chosen: ColumnName = "chosen"
    rejected: ColumnName = "rejected"
    system: ColumnName = "system"

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if {"prompt", "messages"} <= self.model_fields_set:
            raise ValueError("prompt and messages both say what is answered; remove one of the two")
        return self

    @property
    def names(self) -> list[str]:
        return self._with_others([NAME, self.chosen, self.rejected])

    def wanted(self, where: str, has: Has, tell: Tell) -> list[str]:
        """See `Columns.wanted`. Raises: SourceError: a table has answers, but not both."""
        lacking = next((name for name in (self.chosen, self.rejected) if not has([name])), None)
        asked = self.asked(has)
        if lacking is not None and any(has([name]) for name in (*asked, self.chosen, self.rejected)):
            raise SourceError(
                f"{where} has no column {lacking!r}, and preference pairs need two answers to each prompt; name the "
                "columns in source.columns.chosen and source.columns.rejected, or set task to text-generation to learn "
                "from single answers"
            )
        found = [*(name for name in asked if has([name])), self.chosen, self.rejected]
        tell(f"{where}: preference pairs from {' and '.join(dict.fromkeys(found))}")
        return self._with_others(found)

    def asked(self, has: Has) -> list[str]:
        """The columns of what is answered: in a table without any, the answers hold it too."""
        first, second = (self.messages, self.prompt) if self._by_messages else (self.prompt, self.messages)
        asked = next((name for name in (first, second, self.chosen) if has([name])), first)
        return [asked, *([self.system] if has([self.system]) else [])]

    @property
    def _by_messages(self) -> bool:
        return "messages" in self.model_fields_set

    def turns(self, where: str, record: Mapping[str, Any], *, answered: bool) -> list[Turn] | None:
        """See `TurnColumns.turns`: of a pair, those with the chosen answer."""
        front = self._front(where, record)
        if not answered and front is not None:
            return front
        return self._whole(where, record, self.chosen, front)

    def given(self, where: str, record: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
        """The record with the turns that both answers belong to, and the two answers by name.

        In place of the answers stands `Unreadable`, with the reason, if one is missing or they answer different turns.

        Raises:
            SourceError: a field is neither a text nor a list of turns, or a text with nothing to answer.
        """
        front = self._front(where, record)
        fronts: list[list[Turn]] = []
        answers: dict[str, str] = {}
        for name in PAIRS:
            before, answer = divided(self._whole(where, record, getattr(self, name), front) or [])
            if answer is not None:
                fronts.append(before)
                answers[name] = answer
        asked = fronts[0] if fronts else front
        return {**record, NAME: asked or None}, _label(fronts, answers)

    def _asks(self, record: Mapping[str, Any]) -> str | None:
        """The column of what is answered; None in a table whose answers are whole conversations."""
        order = (self.messages,) if self._by_messages else (self.prompt, self.messages)
        return next((column for column in order if column in record), None)

    def _front(self, where: str, record: Mapping[str, Any]) -> list[Turn] | None:
        """The turns that are answered, from columns of their own; None where there are none."""
        column = self._asks(record)
        if column is None:
            return None
        place, value = _named(where, column), record[column]
        found = turns_of(place, value) if column == self.messages else said_by(USER, place, value)
        if found is None:
            return None
        system = said_by(SYSTEM, _named(where, self.system), record.get(self.system))
        return (system if system and not is_blank(system[0]["content"]) else []) + divided(found)[0]

    def _whole(self, where: str, record: Mapping[str, Any], column: str, front: list[Turn] | None) -> list[Turn] | None:
        """A conversation up to one of its answers; None where there is no such answer."""
        where, value = _named(where, column), record.get(column)
        if isinstance(value, str) and self._asks(record) is None:
            return None if is_blank(value) else _transcript(where, value)
        said = said_by(ASSISTANT, where, value)
        return [*(front or []), *said] if said and said[0]["role"] == ASSISTANT else said


class ComparedSource(TurnSource):
    """Where conversations come from, with two answers to each."""

    columns: ComparedColumns = ComparedColumns()


def _named(where: str, column: str) -> str:
    return f"{where}: column {column!r}" if where else f"column {column!r}"


def _label(fronts: Sequence[Sequence[Turn]], answers: Mapping[str, str]) -> Any:
    if not answers:
        return None
    lacking = next((name for name in PAIRS if name not in answers), None)
    if lacking is not None:
        return Unreadable(f"no {lacking} answer")
    one, other = ([(turn["role"], canonical(turn["content"])) for turn in front] for front in fronts)
    if one != other:
        shared = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
        place = min(len(one), len(other)) if shared is None else shared
        return Unreadable(f"they differ in turn {place + 1}")
    return dict(answers)


def _transcript(where: str, text: str) -> list[Turn]:
    """The turns of a text in which `Human:` and `Assistant:` begin paragraphs, as in Anthropic's HH-RLHF.

    Raises:
        SourceError: it begins otherwise.
    """
    before, *parts = _SPEAKER.split(text)
    if not parts or before.strip():
        raise SourceError(
            f"{where} holds the answer {text[:60]!r}, and no column says what it answers; name one in "
            "source.columns.prompt, or write whole conversations: lists of turns, or paragraphs that begin with Human: "
            "and Assistant:"
        )
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [{"role": _SPEAKERS[who], "content": said.strip()} for who, said in pairs]
