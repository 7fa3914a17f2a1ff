"""Section `source` of params.yaml for conversations: four formats, one form."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import model_validator

from finetrail.contents.text.conversation.stored import NAME, StoredConversations
from finetrail.contents.text.conversation.turns import ASSISTANT, SYSTEM, USER, Turn, divided, said_by, turns_of
from finetrail.data.canonical import is_blank
from finetrail.data.sources.columns import ColumnName, Columns, Has, Tell
from finetrail.data.sources.place import Convert, Source
from finetrail.data.store.content import StoredContent
from finetrail.errors import SourceError


class Format(NamedTuple):
    """The keys of the columns that a file has: what is said first, the answer, and what may be there too."""

    asked: str
    answer: str = ""
    optional: tuple[str, ...] = ()

    @property
    def own(self) -> set[str]:
        """The keys that no other format has."""
        return {self.asked, self.answer, *self.optional} - {"", "system"}


FORMATS = {
    "messages": Format("messages"),
    "prompt": Format("prompt", "completion", ("system",)),
    "alpaca": Format("instruction", "output", ("input", "system")),
    "sharegpt": Format("conversations", optional=("system",)),
}


PAIRS = ("chosen", "rejected")
"""The usual columns of answers that people compared."""


class TurnColumns(Columns):
    """Which columns of the source hold turns of conversations, in whatever format."""

    @property
    def contents(self) -> tuple[str, ...]:
        return (NAME,)

    @abstractmethod
    def turns(self, where: str, record: Mapping[str, Any], *, answered: bool) -> list[Turn] | None:
        """All turns of a record; None where it has none.

        Args:
            where: the place, for messages; empty where they are about one row anyway.
            answered: whether a table without answers is not enough.

        Raises:
            SourceError: a field is neither a text nor a list of turns.
        """

    def _with_others(self, columns: list[str]) -> list[str]:
        return [name for name in dict.fromkeys([*columns, self.group, self.split]) if name is not None]


class ConversationColumns(TurnColumns):
    """Which columns of the source hold the conversations.

    Attributes:
        format: `auto` goes by the keys that are given here, else by the columns of the file.
        messages: lists of turns with `role` and `content`.
        prompt, completion: a text and its answer, or lists of turns.
        instruction, input, output: Alpaca's; `input` stands behind the instruction, after an empty line.
        conversations: ShareGPT's lists of turns with `from` and `value`.
        system: the text of a system turn in front; used where a file has the column, but not beside `messages`.
    """

    format: Literal["auto", "messages", "prompt", "alpaca", "sharegpt"] = "auto"
    messages: ColumnName = "messages"
    prompt: ColumnName = "prompt"
    completion: ColumnName = "completion"
    instruction: ColumnName = "instruction"
    input: ColumnName = "input"
    output: ColumnName = "output"
    conversations: ColumnName = "conversations"
    system: ColumnName = "system"

    @model_validator(mode="after")
    def _one_format(self) -> Self:
        given = {name: min(keys) for name, one in FORMATS.items() if (keys := self.model_fields_set & one.own)}
        if self.format != "auto":
            given = {self.format: "format", **{name: key for name, key in given.items() if name != self.format}}
        if len(given) > 1:
            (one, key), (other, more), *_ = given.items()
            raise ValueError(
                f"{key} means format {one}, and {more} format {other}; a source has one format: remove one of the two"
            )
        return self

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that a file may have: one, if params.yaml says which."""
        if self.format != "auto":
            return (self.format,)
        return tuple(name for name, one in FORMATS.items() if self.model_fields_set & one.own) or tuple(FORMATS)

    @property
    def names(self) -> list[str]:
        return self._with_others(self._needed(self.formats[0], answered=True))

    def wanted(self, where: str, has: Has, tell: Tell) -> list[str]:
        """See `Columns.wanted`: those of the first format that a table has; of the first of all, if it has none.

        Raises:
            SourceError: a table has no format, but two answers to compare.
        """
        name, compared = self._chosen(has, answered=True), has(PAIRS)
        if name is None:
            if compared:
                raise SourceError(
                    f"{where} has answers that people compared, in columns chosen and rejected; set task to "
                    "{name: text-generation, problem_type: preference}, or learn from one of them: name it in "
                    "source.columns.completion, or in source.columns.messages if it holds whole conversations"
                )
            return self.names
        found = self._found(name, has, answered=True)
        more = "; problem_type preference learns from chosen and rejected too" if compared else ""
        tell(f"{where}: conversations in format {name}, from {' and '.join(found)}{more}")
        return self._with_others(found)

    def asked(self, has: Has) -> list[str]:
        return self._found(self._chosen(has, answered=False) or self.formats[0], has, answered=False)

    def given(self, where: str, record: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
        """The record with the turns that a model reads, and the answer to them.

        Raises:
            SourceError: a field is neither a text nor a list of turns.
        """
        turns = self.turns(where, record, answered=True)
        asked, answer = (None, None) if turns is None else divided(turns)
        return {**record, NAME: asked}, answer

    def turns(self, where: str, record: Mapping[str, Any], *, answered: bool) -> list[Turn] | None:
        """See `TurnColumns.turns`."""
        kind = FORMATS[self._chosen(lambda names: record.keys() >= set(names), answered=answered) or self.formats[0]]

        def field(key: str) -> tuple[str, Any]:
            column: str = getattr(self, key)
            return f"{where}: column {column!r}" if where else f"column {column!r}", record.get(column)

        def said(role: str, key: str) -> list[Turn] | None:
            return said_by(role, *field(key))

        found = said(USER, kind.asked) if kind.answer else turns_of(*field(kind.asked))
        if found is None:
            return None
        if "input" in kind.optional and (more := said(USER, "input")) and not is_blank(more[0]["content"]):
            found = [{"role": USER, "content": f"{found[0]['content']}\n\n{more[0]['content']}"}]
        if kind.answer:
            found = found + (said(ASSISTANT, kind.answer) or [])
        system = said(SYSTEM, "system") if "system" in kind.optional else None
        return system + found if system and not is_blank(system[0]["content"]) else found

    def _chosen(self, has: Has, *, answered: bool) -> str | None:
        """The first format that a table has; without an answer only if no other has one, and where none is needed."""
        for strict in (True,) if answered else (True, False):
            for name in self.formats:
                if has(self._needed(name, answered=strict)):
                    return name
        return None

    def _found(self, name: str, has: Has, *, answered: bool) -> list[str]:
        """The columns of a format in a table, those among them that it may lack."""
        more = [getattr(self, key) for key in FORMATS[name].optional]
        return [*self._needed(name, answered=answered), *(column for column in more if has([column]))]

    def _needed(self, name: str, *, answered: bool) -> list[str]:
        kind = FORMATS[name]
        return [getattr(self, key) for key in (kind.asked, kind.answer if answered else "") if key]


class TurnSource(Source):
    """Where conversations come from, in whatever format: tables and hub data sets."""

    @property
    def content(self) -> StoredContent:
        return StoredConversations()

    def converter(self, folder: Path | None) -> Convert:
        return lambda where, turns: turns


class ConversationSource(TurnSource):
    """The same with an answer to each."""

    columns: ConversationColumns = ConversationColumns()
