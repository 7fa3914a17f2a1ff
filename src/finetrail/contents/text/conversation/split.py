"""Section `split` of params.yaml for conversations."""

from collections.abc import Mapping
from typing import ClassVar

from finetrail.contents.text.conversation.stored import NAME
from finetrail.contents.text.split import TextualSplit


class ConversationSplit(TextualSplit):
    """How conversations are divided; those are near whose turns in front of the answer are, whatever the answers."""

    column: ClassVar[str] = NAME
    needed: ClassVar[Mapping[str, str]] = {"sha256": "conversation"}
