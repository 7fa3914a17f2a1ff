"""What storing rows asks of contents and labels, so that it knows no kind of either."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["int64", "float64", "string"]


class StoredContent(Protocol):
    """How a kind of content lies in the shards.

    Attributes:
        column: the name of its column.
        compression: of that column; encoded images do not get smaller.
        facts: the columns that it adds to the manifest, and their types.
    """

    @property
    def column(self) -> str: ...

    @property
    def compression(self) -> Literal["zstd", "none"]: ...

    @property
    def facts(self) -> Mapping[str, Kind]: ...

    def arrow(self) -> "pa.DataType":
        """The type of its column."""
        ...

    def describe(self, contents: Sequence[Any]) -> list[dict[str, object]]:
        """The facts of each content, in their order; all None for a missing content."""
        ...


class StoredLabel(Protocol):
    """How a kind of label lies in the shards.

    Attributes:
        facts: the columns that it adds to the manifest, and their types.
    """

    @property
    def facts(self) -> Mapping[str, Kind]: ...

    def arrow(self) -> "pa.DataType":
        """The type of its column."""
        ...

    def describe(self, labels: Sequence[Any], contents: Sequence[Any]) -> list[dict[str, object]]:
        """The facts of each label, in their order."""
        ...


class Holder(Protocol):
    """What holds a content: a text, texts by column, or the bytes of an image; None where it is missing."""

    @property
    def content(self) -> Any: ...


HolderT = TypeVar("HolderT", bound=Holder)


def size_of(content: Any) -> int:
    """Characters of a text, bytes of an image; of several columns all together."""
    return sum(map(len, content.values())) if isinstance(content, dict) else len(content or "")


def batches(holders: Iterable[HolderT], rows: int, size: int) -> Iterator[list[HolderT]]:
    """Lists that memory can hold: of at most `rows`, and ended by the one whose content reaches `size` in all.

    Args:
        size: bytes of images, or characters of texts.
    """
    batch: list[HolderT] = []
    held = 0
    for holder in holders:
        batch.append(holder)
        held += size_of(holder.content)
        if len(batch) == rows or held >= size:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
