"""Conversations: what a model reads in front of an assistant's turn, which is its label."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.contents.attack import Attack
from finetrail.contents.content import Backbone
from finetrail.contents.text.conversation.compared import ComparedColumns, ComparedSource
from finetrail.contents.text.conversation.received import (
    SENT,
    receive_conversations,
    unfit,
    unlabelled_conversations,
)
from finetrail.contents.text.conversation.rules import ConversationRules
from finetrail.contents.text.conversation.slices import ConversationSlice
from finetrail.contents.text.conversation.source import ConversationColumns, ConversationSource, TurnColumns, TurnSource
from finetrail.contents.text.conversation.split import ConversationSplit
from finetrail.contents.text.conversation.stored import NAME
from finetrail.contents.text.conversation.turns import USER
from finetrail.contents.text.settings import ComparedBackbone
from finetrail.contents.text.textual import TextualContent
from finetrail.data.sources.unlabelled import Reading, Unlabelled

if TYPE_CHECKING:
    from finetrail.data.sources.place import Source as AnySource


class _Conversations(TextualContent):
    """See `finetrail.contents.content.Content`."""

    name = NAME
    noun = "conversation"
    sent = SENT
    attacks: Mapping[str, Attack] = {}
    Columns: type[TurnColumns] = ConversationColumns
    Source: type[TurnSource] = ConversationSource
    Rules = ConversationRules
    Split = ConversationSplit
    Slice = ConversationSlice

    def unlabelled(
        self, path: Path, columns: Sequence[str], source: "AnySource | None", reading: Reading
    ) -> Iterator[Unlabelled]:
        return unlabelled_conversations(path, columns, None if source is None else source.columns, reading)

    def receive(self, rows: Sequence[Mapping[str, object]], read_paths: bool) -> list[Any]:
        return receive_conversations(rows)

    def faults(self, contents: Sequence[Any]) -> dict[int, str]:
        return unfit(contents)

    def perturb(self, name: str, content: Any, severity: int, seed: int) -> Any:
        """What the user says, perturbed: the system's and the assistant's turns come from elsewhere."""
        said = {place: turn["content"] for place, turn in enumerate(content) if turn["role"] == USER}
        changed = super().perturb(name, said, severity, seed)
        return [{**turn, "content": changed.get(place, turn["content"])} for place, turn in enumerate(content)]


class _Compared(_Conversations):
    """The same where each conversation has two answers, a better and a worse one; only these are learnt from."""

    Columns = ComparedColumns
    Source = ComparedSource

    def backbone(self, features: str) -> type[Backbone]:
        return ComparedBackbone


CONVERSATIONS, COMPARED = _Conversations(), _Compared()
