"""Conversations, prompts with completions, and preference pairs."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from finetrail.contents.text.conversation.source import FORMATS, PAIRS
from finetrail.starting.looking import Data
from finetrail.starting.roles import apart
from finetrail.starting.shape import Choice, Seen, Shape
from finetrail.starting.shapes.tabular import official_of, source
from finetrail.starting.splitting import divided
from finetrail.starting.tables import Table

_TURNS = ("messages", "sharegpt")
"""Formats whose column holds lists of turns."""


class _Generation(Shape):
    noun: str

    def recognise(self, data: Data) -> Seen | None:
        if data.asked.labels or data.asked.text or data.table is None:
            return None
        found = self.found(data.table)
        if not found:
            return None
        group, split = apart(data.table)
        official = official_of(data.table, split)
        more = {key: name for key, name in (("group", group), ("split", split if official["test"] else None)) if name}
        said = [f"{data.name}: {data.table.rows} rows", f"  {self.noun} in {' and '.join(found)}"]
        return Seen(said, data.table.rows, official=official, facts=more)

    @abstractmethod
    def found(self, table: Table) -> list[str]:
        """The columns that make it one of this shape; none if it is not."""

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        assert data.table is not None  # noqa: S101 - recognised
        columns: dict[str, Any] = seen.facts
        yield from source(data, data.table, columns)
        yield from divided(seen, columns.get("group"))


class _Preferences(_Generation):
    task = ("text-generation", "preference")
    recipe = "own-preferences"
    looks = "a table with a better and a worse answer to each prompt, in columns prompt, chosen and rejected"
    noun = "preference pairs"

    def found(self, table: Table) -> list[str]:
        return [*PAIRS] if set(PAIRS) <= set(table.columns) else []


class _Chat(_Generation):
    task = ("text-generation", None)
    recipe = "own-chat"
    looks = "conversations as messages, or prompts with completions"
    noun = "conversations"

    def found(self, table: Table) -> list[str]:
        for name, one in FORMATS.items():
            needed = [column for column in (one.asked, one.answer) if column]
            if set(needed) <= set(table.columns) and (
                name not in _TURNS or table.columns[one.asked].mostly("list of mappings")
            ):
                return needed
        return []


SHAPES = (_Preferences(), _Chat())
