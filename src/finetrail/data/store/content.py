"""What a kind of content (texts, pictures) says of itself, so that storing and checking it needs no special case."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

Kind = Literal["int64", "float64", "string"]


class Content(Protocol):
    """A kind of content.

    Attributes:
        column: the name of its column in the shards.
        stored: the Arrow type of that column.
        compression: of that column; encoded images do not get smaller.
        facts: the columns that it adds to the manifest, and their types.
    """

    @property
    def column(self) -> str: ...

    @property
    def stored(self) -> Literal["string", "binary"]: ...

    @property
    def compression(self) -> Literal["zstd", "none"]: ...

    @property
    def facts(self) -> Mapping[str, Kind]: ...

    def describe(self, contents: Sequence[Any]) -> list[dict[str, object]]:
        """The facts of each content, in their order; all None for a missing content."""
        ...


class Holder(Protocol):
    """What holds a content: a text or the bytes of an image, or None where it is missing."""

    @property
    def content(self) -> str | bytes | None: ...


HolderT = TypeVar("HolderT", bound=Holder)


def batches(holders: Iterable[HolderT], rows: int, size: int) -> Iterator[list[HolderT]]:
    """Lists that memory can hold: of at most `rows`, and ended by the one whose content reaches `size` in all.

    Args:
        size: bytes of images, or characters of texts.
    """
    batch: list[HolderT] = []
    held = 0
    for holder in holders:
        batch.append(holder)
        held += len(holder.content or "")
        if len(batch) == rows or held >= size:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
