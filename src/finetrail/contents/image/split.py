"""Section `split:` of params.yaml for images: which of them are near."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from finetrail.contents.image.near import Images
from finetrail.data.near.leakage import Neighbours
from finetrail.data.splitting.settings import Split

if TYPE_CHECKING:
    import pandas as pd


class ImageSplit(Split):
    """How rows of images are divided, and which images are near.

    `near_duplicates` counts the bits, of 256, in which two perceptual hashes may differ for the images to count as the
    same; null: only equal files do. A copy that was compressed, halved, brightened or tinted differs in 0 to 25 bits,
    one with a border of 5% cut off in more than 70. In the 60,000 images of CIFAR-10, 40 bits find 399 pairs, and the
    120 least alike of these were all the same image; 64 bits find 928, about 10 of them different images; in 5,000
    digits of MNIST, all different, they take 175 and 4,992 pairs for the same. Lower it for a few simple shapes.
    """

    near_duplicates: int | None = Field(default=40, ge=0, le=96)

    column: ClassVar[str] = "image"
    needed: ClassVar[Mapping[str, str]] = {"sha256": "image", "perceptual_hash": "image that can be decoded"}
    size: ClassVar[str] = "bytes"

    @property
    def measure(self) -> dict[str, Any]:
        exact = "bits in which the 256-bit perceptual hashes of the images differ, exact"
        return {
            "method": "same file" if self.near_duplicates is None else exact,
            "threshold": self.near_duplicates,
        }

    def keys(self, manifest: "pd.DataFrame", contents: Iterable[Any]) -> list[str]:
        """The hashes of the files."""
        return [str(digest) for digest in manifest["sha256"]]

    def neighbours(self, manifest: "pd.DataFrame", keys: Sequence[str]) -> Neighbours:
        return Images(keys, manifest["perceptual_hash"].tolist(), self.near_duplicates)

    def excerpts(self, raw: Path, ids: Collection[str]) -> dict[str, str]:
        """Nothing: the source and row beside it lead to the images."""
        return dict.fromkeys(ids, "")
