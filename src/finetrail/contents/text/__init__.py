"""Texts: reading, rules, near duplicates, tokenizer, encoders, export. Conversations are in a folder of their own."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.contents.attack import Attack
from finetrail.contents.text.received import receive_texts, text_faults, unlabelled_texts
from finetrail.contents.text.rules import TextRules
from finetrail.contents.text.settings import TextSlice
from finetrail.contents.text.source import TextColumns, TextSource
from finetrail.contents.text.split import TextSplit
from finetrail.contents.text.textual import TextualContent
from finetrail.data.sources.unlabelled import Reading, Unlabelled

if TYPE_CHECKING:
    from finetrail.data.sources.place import Source as AnySource


class _Text(TextualContent):
    """See `finetrail.contents.content.Content`."""

    name = "text"
    noun = "text"
    attacks = {  # noqa: RUF012 - read only, by its type
        "hotflip": Attack(
            "HotFlip",
            "Those tokens are replaced, one after the other, whose replacement raises the loss most by its gradient.",
            "replaced tokens",
        )
    }
    Columns = TextColumns
    Source = TextSource
    Rules = TextRules
    Split = TextSplit
    Slice = TextSlice

    def unlabelled(
        self, path: Path, columns: Sequence[str], source: "AnySource | None", reading: Reading
    ) -> Iterator[Unlabelled]:
        return unlabelled_texts(path, columns, reading)

    def receive(self, rows: Sequence[Mapping[str, object]], read_paths: bool) -> list[Any]:
        return receive_texts(rows)

    def faults(self, contents: Sequence[Any]) -> dict[int, str]:
        return text_faults(contents)


TEXT = _Text()
