"""Section `source` of params.yaml for texts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from finetrail.contents.text.stored import StoredTexts
from finetrail.data.canonical import is_missing
from finetrail.data.sources.columns import ColumnName, Columns, Place, SplitName, Tell
from finetrail.data.sources.dialect import UTF8
from finetrail.data.sources.place import Convert, Source
from finetrail.data.sources.scan import encoding_marked
from finetrail.data.sources.trees import Tree
from finetrail.data.store.content import StoredContent
from finetrail.data.store.raw import Row
from finetrail.errors import SourceError


class TextColumns(Columns):
    """Which columns of the source hold the texts.

    Attributes:
        text: the text that the model reads, or several, such as [premise, hypothesis].
    """

    text: ColumnName | Annotated[tuple[ColumnName, ...], Field(strict=False, min_length=2)] = "text"

    @property
    def contents(self) -> tuple[str, ...]:
        return (self.text,) if isinstance(self.text, str) else self.text

    @model_validator(mode="after")
    def _each_once(self) -> "TextColumns":
        twice = sorted({name for name in self.contents if self.contents.count(name) > 1})
        if twice:
            raise ValueError(f"text names {twice[0]!r} twice; name each column once")
        return self


class TextSource(Source):
    """Where labelled texts come from: tables, folders of text files by class, hub data sets."""

    columns: TextColumns = TextColumns()

    own_formats: ClassVar[tuple[str, ...]] = ("folder",)

    @property
    def content(self) -> StoredContent:
        return StoredTexts(self.columns.contents)

    def converter(self, folder: Path | None) -> Convert:
        return as_text

    def rows_of(self, kind: str, path: Path, split: SplitName | None, tell: Tell) -> Iterator[Row]:
        for number, file in enumerate(Tree.at(path).rows(split, tell, _is_text, ".txt or .text files"), start=1):
            where = f"{file.name}, row {number}"
            label = self.labels.read(where, file.label, self.columns)
            yield self.file_row(Place(file.name, number, file.split), _decoded(file.name, file.data), label)


def as_text(where: str, value: Any) -> str | None:
    """A field of a table as text; None where it is missing. A blank text stays: a rule of its own finds it.

    Args:
        where: the place, for the message.

    Raises:
        SourceError: it is something else.
    """
    if isinstance(value, str):
        return value
    if is_missing(value):
        return None
    raise SourceError(
        f"{where} holds {str(value)[:60]!r} ({type(value).__name__}); it must be text; write it as text, or set "
        "source.columns.text to another column"
    )


def _is_text(name: str) -> bool:
    return name.lower().endswith((".txt", ".text"))


def _decoded(name: str, data: bytes) -> str:
    """The text of a file: UTF-8, or what its byte order mark says. Raises: SourceError: it is something else."""
    encoding = encoding_marked(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{name}: byte {error.start} is not {'UTF-8' if encoding == UTF8 else encoding} ({error.reason}); save the "
            f"file as UTF-8; if it is Windows-1252: iconv -f windows-1252 -t utf-8"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")
