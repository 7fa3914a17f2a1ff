"""Section `split:` of params.yaml, and what a kind of content has to say of which rows are the same or near."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import Field

from finetrail.contents.image.near import Pictures
from finetrail.contents.text.near import Near, Texts, normalise
from finetrail.data.near.leakage import Neighbours
from finetrail.data.splitting.splits import Division
from finetrail.data.store.shards import pick
from finetrail.targets.strata import Classes, Numbers, Strata

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 200  # characters of a text in quarantine.csv


class ContentSplit(Protocol):
    """What the stage asks of the settings besides `Division`; see `TextSplit` and `ImageSplit`."""

    @property
    def strata(self) -> Strata:
        """What a label means to the split."""
        ...

    @property
    def column(self) -> str:
        """The column of the content in the shards."""
        ...

    @property
    def needed(self) -> Mapping[str, str]:
        """The columns of the manifest without which a row cannot be divided, and what a row lacks without each."""
        ...

    @property
    def size(self) -> str:
        """The column of the manifest that says how large a content is."""
        ...

    @property
    def measure(self) -> dict[str, Any]:
        """How near is measured, for split.json."""
        ...

    def keys(self, manifest: "pd.DataFrame", contents: Iterable[Any]) -> list[str]:
        """What equal contents have in common, one a row. Args: contents: of these rows, read only if needed."""
        ...

    def neighbours(self, manifest: "pd.DataFrame", keys: Sequence[str]) -> Neighbours:
        """Which of the rows are the same or near."""
        ...

    def excerpts(self, raw: Path, ids: Collection[str]) -> dict[str, str]:
        """What quarantine.csv shows of the contents of these rows, by id."""
        ...


class TextSplit(Division):
    """Section `split:` of params.yaml for texts: how the rows are divided, and which texts are near."""

    strata: ClassVar[Strata] = Classes()
    near_duplicates: float = Field(default=0.8, gt=0, le=1, description="Jaccard similarity; 1.0 = same text only")
    shingle_words: int = Field(default=3, ge=1, le=20)

    column: ClassVar[str] = "text"
    needed: ClassVar[Mapping[str, str]] = {"sha256": "text"}
    size: ClassVar[str] = "characters"

    @property
    def near(self) -> Near:
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
        return [normalise(text) for text in contents]

    def neighbours(self, manifest: "pd.DataFrame", keys: Sequence[str]) -> Neighbours:
        return Texts(keys, self.near)

    def excerpts(self, raw: Path, ids: Collection[str]) -> dict[str, str]:
        """The first characters of these texts, in a line, by id."""
        return {name: " ".join(text.split())[:SHOWN] for name, text in pick(raw, self.column, ids).items()}


class ImageSplit(Division):
    """Section `split:` of params.yaml for images: how the rows are divided, and which pictures are near.

    `near_duplicates` counts the bits, of 256, in which two perceptual hashes may differ for the pictures to count as
    the same; null: only equal files do. A copy that was compressed, halved, brightened or tinted differs in 0 to 25
    bits, one with a border of 5% cut off in more than 70. In the 60,000 images of CIFAR-10, 40 bits find 399 pairs, and
    the 120 least alike of these were all the same picture; 64 bits find 928, about 10 of them different pictures; of
    5,000 digits of MNIST, all different, they take 175 and 4,992 pairs for the same. Lower it for a few simple shapes.
    """

    strata: ClassVar[Strata] = Classes()
    near_duplicates: int | None = Field(default=40, ge=0, le=96)

    column: ClassVar[str] = "image"
    needed: ClassVar[Mapping[str, str]] = {"sha256": "image", "perceptual_hash": "image that can be decoded"}
    size: ClassVar[str] = "bytes"

    @property
    def measure(self) -> dict[str, Any]:
        exact = "bits in which the 256-bit perceptual hashes of the pictures differ, exact"
        return {
            "method": "same file" if self.near_duplicates is None else exact,
            "threshold": self.near_duplicates,
        }

    def keys(self, manifest: "pd.DataFrame", contents: Iterable[Any]) -> list[str]:
        """The hashes of the files."""
        return [str(digest) for digest in manifest["sha256"]]

    def neighbours(self, manifest: "pd.DataFrame", keys: Sequence[str]) -> Neighbours:
        return Pictures(keys, manifest["perceptual_hash"].tolist(), self.near_duplicates)

    def excerpts(self, raw: Path, ids: Collection[str]) -> dict[str, str]:
        """Nothing: their source and row, which stand beside it, lead to the pictures."""
        return dict.fromkeys(ids, "")


class TextNumberSplit(TextSplit):
    """Section `split:` of params.yaml for texts whose labels are numbers."""

    strata: ClassVar[Strata] = Numbers()


class ImageNumberSplit(ImageSplit):
    """Section `split:` of params.yaml for images whose labels are numbers."""

    strata: ClassVar[Strata] = Numbers()
