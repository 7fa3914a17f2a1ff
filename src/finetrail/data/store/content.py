"""What the store needs from contents and labels, so that it depends on no kind of either."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["int64", "float64", "string"]


class Absent(str):
    """Why a row has no content, in words that name what its source gave: the row is kept, and a rule finds it."""

    __slots__ = ()


class StoredContent(Protocol):
    """How the shards store a kind of content.

    Attributes:
        column: the name of its column.
        compression: of that column; encoded images do not shrink further.
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
        """Return the facts of each content, in order; none but the reason for one that is None or `Absent`."""
        ...


class StoredLabel(Protocol):
    """How the shards store a kind of label.

    Attributes:
        facts: the columns that it adds to the manifest, and their types.
    """

    @property
    def facts(self) -> Mapping[str, Kind]: ...

    def arrow(self) -> "pa.DataType":
        """The type of its column."""
        ...

    def describe(self, labels: Sequence[Any], contents: Sequence[Any]) -> list[dict[str, object]]:
        """Return the facts of each label, in order."""
        ...


class Holder(Protocol):
    """Anything with a content, such as a text, texts by column, or the bytes of an image; None if it is missing."""

    @property
    def content(self) -> Any: ...


HolderT = TypeVar("HolderT", bound=Holder)


def size_of(content: Any) -> int:
    """Characters of a text, or bytes of an image; of lists and mappings, the sum."""
    return len(content) if isinstance(content, bytes) else sum(map(len, texts_in(content)))


def texts_in(value: Any) -> Iterator[str]:
    """The texts in a value, at any depth of lists and mappings; their keys are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from texts_in(one)


def batches(holders: Iterable[HolderT], rows: int, size: int) -> Iterator[list[HolderT]]:
    """Yield lists that fit into memory: at most `rows` long, and cut once their contents reach `size` in all.

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
