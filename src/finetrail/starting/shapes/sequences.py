"""Texts to write: summaries and translations, in two columns, in a column by language, or in gettext files."""

import re
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from finetrail.starting.looking import Data
from finetrail.starting.roles import check_named
from finetrail.starting.shape import Choice, Seen, Shape
from finetrail.starting.shapes.tabular import source
from finetrail.starting.tables import Table

_SUMMARIES = ("summary", "highlights", "abstract", "tldr", "headline")
_LANGUAGE = re.compile(r"[a-z]{2}(_[A-Z]{2})?")
_SIDES = (("source", "target"), ("src", "tgt"), ("src", "trg"))


class _Sequences(Shape):
    def recognise(self, data: Data) -> Seen | None:
        if data.table is None:
            return None
        check_named(data.name, data.table, data.asked)
        found = self.columns(data.table)
        if data.asked.text and data.asked.labels:
            found = {"text": data.asked.text[0], "label": data.asked.labels[0]}
        if not found:
            return None
        named = ", ".join(f"{key} {name!r}" for key, name in found.items())
        return Seen([f"{data.name}: {data.table.rows} rows; {named}"], data.table.rows, facts=found)

    @abstractmethod
    def columns(self, table: Table) -> dict[str, Any]:
        """Section `source.columns`; empty if the table has no such columns."""

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        assert data.table is not None  # noqa: S101 - recognised
        yield from source(data, data.table, seen.facts)


class _Summaries(_Sequences):
    task = ("summarization", None)
    recipe = "own-summaries"
    looks = "a table with a text and its summary in each row"

    def columns(self, table: Table) -> dict[str, Any]:
        texts = {one.name for one in table.columns.values() if one.is_textual}
        label = next((name for name in table.columns if name.lower() in _SUMMARIES and name in texts), None)
        others = sorted(texts - {label}, key=lambda name: -table.columns[name].length)
        return {"text": others[0], "label": label} if label and others else {}


class _Translations(_Sequences):
    task = ("translation", None)
    recipe = "own-translations"
    looks = "a table with a text and its translation in each row, or a gettext file (.po)"

    def recognise(self, data: Data) -> Seen | None:
        catalogues = [name for name in [data.name, *data.names] if name.lower().endswith(".po")]
        if catalogues and data.table is None:
            return Seen([f"{data.name}: {len(catalogues)} gettext files"], 0, facts={})
        return super().recognise(data)

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        if seen.facts:
            yield from super().params(data, seen)
        else:
            yield Choice(("source", "path"), data.place, "gettext files name texts and translations")

    def columns(self, table: Table) -> dict[str, Any]:
        for column in table.columns.values():
            by_language = column.first if column.mostly("mapping") else {}
            languages = [key for key in by_language if _LANGUAGE.fullmatch(key)]
            if len(languages) == len(by_language) == 2:
                return {"pair": column.name, "languages": languages}
        texts = [one.name for one in table.columns.values() if one.is_textual]
        languages = [one for one in texts if _LANGUAGE.fullmatch(one)]
        if len(languages) == 2:
            return {"text": languages[0], "label": languages[1]}
        both = next((pair for pair in _SIDES if set(pair) <= set(texts)), None)
        return {"text": both[0], "label": both[1]} if both else {}


SHAPES = (_Summaries(), _Translations())
