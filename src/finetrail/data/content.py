"""What a kind of content (texts, pictures) says of itself, so that storing and checking it needs no special case."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

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
