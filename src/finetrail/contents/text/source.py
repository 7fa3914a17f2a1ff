"""Section `source` of params.yaml for texts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from finetrail.contents.text.stored import StoredTexts
from finetrail.data.canonical import is_missing
from finetrail.data.sources.columns import OFFICIAL, Columns, SplitName
from finetrail.data.sources.folders import check_link
from finetrail.data.sources.place import Convert, Source
from finetrail.data.store.content import StoredContent
from finetrail.data.store.raw import Row
from finetrail.errors import SourceError


class TextColumns(Columns):
    """Which columns of the source hold the texts.

    Attributes:
        text: the text that the model reads, or several, such as [premise, hypothesis].
    """

    text: str | Annotated[tuple[str, ...], Field(strict=False, min_length=2)] = "text"

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

    def rows_of(self, kind: str, path: Path, split: SplitName | None) -> Iterator[Row]:
        for name, number, text, label, official in _files(path, split):
            where = f"{name}, row {number}"
            yield Row(name, number, text, self.labels.read(where, label, self.columns), official)


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


def _files(root: Path, split: SplitName | None) -> Iterator[tuple[str, int, str, str, SplitName | None]]:
    """`root/<label>/*.txt`, or `root/<split>/<label>/*.txt`; in the order of the names.

    Raises:
        SourceError: a file is not UTF-8 or links out of `root`, or there is no file.
    """
    folders = _folders(root)
    official = bool(folders) and split is None and all(folder.name.lower() in OFFICIAL for folder in folders)
    number = 0
    for top in folders if official else [root]:
        for label in _folders(top):
            for file in sorted(label.glob("*.txt")):
                number += 1
                name = file.relative_to(root).as_posix()
                check_link(file, root.resolve(), name)
                try:
                    text = file.read_text(encoding="utf-8-sig")
                except UnicodeDecodeError as error:
                    raise SourceError(
                        f"{name}: byte {error.start} is not UTF-8 ({error.reason}); save the file as UTF-8"
                    ) from error
                yield name, number, text, label.name, OFFICIAL[top.name.lower()] if official else split
    if number == 0:
        raise SourceError(f"{root.name!r} holds no text; lay the files out as {root.name}/<label>/<name>.txt")


def _folders(root: Path) -> list[Path]:
    return sorted(child for child in root.iterdir() if child.is_dir() and not child.name.startswith("."))
