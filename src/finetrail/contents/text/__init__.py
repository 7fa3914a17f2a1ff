"""Texts: reading, rules, near duplicates, tokenizer, encoders, export."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from finetrail.contents.attack import Attack
from finetrail.contents.content import Content
from finetrail.contents.text.perturbations import PERTURBATIONS, perturb
from finetrail.contents.text.received import receive_texts, text_faults, unlabelled_texts
from finetrail.contents.text.rules import TextRules
from finetrail.contents.text.settings import InPlaceTraining, TextBackbone, TextSlice, TextTraining
from finetrail.contents.text.source import TextColumns, TextSource
from finetrail.contents.text.split import TextSplit
from finetrail.data.sources.unlabelled import Reading, Unlabelled
from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.contents.content import Networks
    from finetrail.data.sources.place import Source as AnySource
    from finetrail.models.inputs import Values


class _Text(Content):
    """See `finetrail.contents.content.Content`."""

    name = "text"
    noun = "text"
    size = "characters"
    offers = frozenset({"soft prompts"})
    requirements: tuple[str, ...] = ()
    measures_kernels = False
    perturbations = PERTURBATIONS
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
    Backbone = TextBackbone
    Training = TextTraining
    Slice = TextSlice

    def training(self, in_place: bool) -> type[Settings]:
        return InPlaceTraining if in_place else TextTraining

    def networks(self) -> "Networks":
        from finetrail.contents.text import backbone

        return cast("Networks", backbone)

    def unlabelled(
        self, path: Path, columns: Sequence[str], source: "AnySource | None", reading: Reading
    ) -> Iterator[Unlabelled]:
        return unlabelled_texts(path, columns, reading)

    def receive(self, rows: Sequence[Mapping[str, object]], read_paths: bool) -> list[Any]:
        return receive_texts(rows)

    def faults(self, contents: Sequence[Any]) -> dict[int, str]:
        return text_faults(contents)

    def typical(self, contents: "Values", rows: Sequence[bool]) -> list[str]:
        from finetrail.contents.text.typical import typical_words

        return typical_words(contents, rows)

    def perturb(self, name: str, content: Any, severity: int, seed: int) -> Any:
        return perturb(name, content, severity, seed)


TEXT = _Text()
