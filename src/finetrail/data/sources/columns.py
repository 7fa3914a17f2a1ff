"""Which columns of a table hold what, and a row made out of a table's record."""

import re
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from finetrail.data.store.raw import Row
from finetrail.errors import SourceError
from finetrail.settings import Settings

SplitName = Literal["train", "val", "test"]

# The names that data sets give to the three splits, and ours.
OFFICIAL: dict[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}

# JSON can escape one half of a surrogate pair, for example where a text was cut inside an emoji.
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


class Columns(Protocol):
    """What the readers of tables need to know of the columns, whatever the content is."""

    @property
    def label(self) -> str: ...

    @property
    def group(self) -> str | None: ...

    @property
    def split(self) -> str | None: ...

    @property
    def content(self) -> str: ...

    @property
    def names(self) -> list[str]: ...


class TextColumns(Settings):
    """Which columns of the source hold what.

    Attributes:
        text: the text that the model is to read.
        label: its class, as a name or a number; of a regression the number to predict.
        group: rows of one group stay in one split (an author, a patient); none by default.
        split: the official split of the row; none by default.
    """

    text: str = "text"
    label: str = "label"
    group: str | None = None
    split: str | None = None

    @property
    def content(self) -> str:
        return self.text

    @property
    def names(self) -> list[str]:
        return [name for name in (self.text, self.label, self.group, self.split) if name is not None]


class ImageColumns(Settings):
    """Which columns of the source hold what.

    Attributes:
        image: a path relative to the table's folder, encoded bytes, base64 text, or a struct of bytes and path.
        label: its class, as a name or a number; of a regression the number to predict; of `pixels` without a header
            `first` or `last`.
        group: images of one group stay in one split (a patient, a camera); none by default.
        split: the official split of the row; none by default.
    """

    image: str = "image"
    label: str = "label"
    group: str | None = None
    split: str | None = None

    @property
    def content(self) -> str:
        return self.image

    @property
    def names(self) -> list[str]:
        return [name for name in (self.image, self.label, self.group, self.split) if name is not None]


def row_from(source: str, number: int, record: Mapping[str, Any], split: SplitName | None, columns: Columns) -> Row:
    """A row out of a record whose content is a text or the bytes of an image already.

    Args:
        split: the official split of the whole table, which goes before its column.

    Raises:
        SourceError: a name is no text that can be written, or the split is unknown.
    """
    for name in columns.names:
        value = record.get(name)
        if isinstance(value, str) and _HALF_A_CHARACTER.search(value):
            raise SourceError(
                f"{source}, row {number}: column {name!r} holds {ascii(value)[:60]}; it must be text that can be "
                "written as UTF-8; mend the escapes of halved characters"
            )
    named = record[columns.split] if columns.split else None
    if named is not None and str(named).lower() not in OFFICIAL:
        raise SourceError(f"{source}, row {number}: split {named!r} is unknown; use one of {', '.join(OFFICIAL)}")
    return Row(
        source=source,
        row=number,
        content=record[columns.content],
        label=_name(record[columns.label]),
        split=split or (OFFICIAL[str(named).lower()] if named is not None else None),
        group=_name(record[columns.group]) if columns.group else None,
    )


def _name(value: Any) -> str | None:
    """A label or group as a string; an empty one is a missing one."""
    return str(value) if value is not None and str(value).strip() else None
