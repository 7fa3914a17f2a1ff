"""Section `split:` of params.yaml for texts: which of them are near."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from finetrail.contents.text.near import Near, Texts, normalise_all
from finetrail.contents.text.stored import in_a_line
from finetrail.data.near.leakage import Neighbours
from finetrail.data.splitting.settings import Split
from finetrail.data.store.shards import pick

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 200  # characters of a text in quarantine.csv


class TextualSplit(Split):
    """How rows of all that is written are divided, and which are near.

    Attributes:
        near_duplicates: the least Jaccard similarity of near texts; 1.0: only the same text is near.
        shingle_words: the words of a shingle.
    """

    near_duplicates: float = Field(default=0.8, gt=0, le=1)
    shingle_words: int = Field(default=3, ge=1, le=20)

    column: ClassVar[str] = "text"
    needed: ClassVar[Mapping[str, str]] = {"sha256": "text"}
    size: ClassVar[str] = "characters"

    @property
    def near(self) -> Near:
        """How near is measured."""
        return Near(self.near_duplicates, self.shingle_words)

    @property
    def measure(self) -> dict[str, Any]:
        exact = "Jaccard similarity of word shingles of the normalised text, exact"
        return {
            "method": exact if self.near_duplicates < 1 else "same normalised text",
            "threshold": self.near_duplicates,
            "shingle_words": self.shingle_words,
        }

    def keys(self, manifest: "pd.DataFrame", contents: Iterable[Any]) -> list[str]:
        """The normalised texts."""
        return [normalise_all(content) for content in contents]

    def neighbours(self, manifest: "pd.DataFrame", keys: Sequence[str]) -> Neighbours:
        return Texts(keys, self.near)

    def excerpts(self, raw: Path, ids: Collection[str]) -> dict[str, str]:
        """The first characters of these texts, on one line, by id."""
        return {name: in_a_line(content, SHOWN) for name, content in pick(raw, self.column, ids).items()}


class TextSplit(TextualSplit):
    """The same for texts.

    Attributes:
        symmetric: with several texts per row, whether the order of the columns means nothing, as for duplicate
            questions: then a row with swapped texts is the same.
    """

    symmetric: bool = False

    @property
    def measure(self) -> dict[str, Any]:
        return super().measure | ({"symmetric": True} if self.symmetric else {})

    def keys(self, manifest: "pd.DataFrame", contents: Iterable[Any]) -> list[str]:
        return [normalise_all(content, symmetric=self.symmetric) for content in contents]
