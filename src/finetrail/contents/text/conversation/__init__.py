"""Conversations: what a model reads in front of an assistant's turn, which is its label."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.contents.attack import Attack
from finetrail.contents.text.conversation.received import (
    SENT,
    receive_conversations,
    unfit,
    unlabelled_conversations,
)
from finetrail.contents.text.conversation.rules import ConversationRules
from finetrail.contents.text.conversation.slices import ConversationSlice
from finetrail.contents.text.conversation.source import ConversationColumns, ConversationSource
from finetrail.contents.text.conversation.split import ConversationSplit
from finetrail.contents.text.conversation.stored import NAME
from finetrail.contents.text.conversation.turns import USER
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
    Columns = ConversationColumns
    Source = ConversationSource
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


CONVERSATIONS = _Conversations()
