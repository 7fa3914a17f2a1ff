"""Tagged words of texts: CoNLL files, lists of tokens and tags, or lists of spans."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from finetrail.errors import SourceError
from finetrail.starting.looking import Data
from finetrail.starting.roles import apart
from finetrail.starting.shape import Choice, Seen, Shape
from finetrail.starting.shapes.tabular import official_of, source
from finetrail.starting.splitting import divided
from finetrail.starting.tables import Table
from finetrail.targets.tags import TAGS
from finetrail.targets.tags.conll import Columns as Places
from finetrail.targets.tags.conll import read_columns, read_conllu

_TOKENS = ("tokens", "words")
_TAGS = ("ner_tags", "tags", "ner", "labels", "pos_tags", "chunk_tags")


class _Tags(Shape):
    task = ("token-classification", None)
    recipe = "tweets-ner"
    looks = "a CoNLL file, or rows with lists of tokens and tags, or of spans"

    def recognise(self, data: Data) -> Seen | None:
        ending = data.path.suffix.lower()
        if data.tree is None and (ending in TAGS.endings or ending == ".txt"):
            return _in_file(data, TAGS.endings.get(ending, "conll"))
        found = _in_table(data.table) if data.table is not None else None
        if data.table is None or found is None:
            return None
        group, split = apart(data.table)
        official = official_of(data.table, split)
        more = {key: name for key, name in (("group", group), ("split", split if official["test"] else None)) if name}
        named = ", ".join(f"{key} {name!r}" for key, name in found.items())
        return Seen(
            [f"{data.name}: {data.table.rows} rows", f"  {named}"],
            data.table.rows,
            official=official,
            facts=found | more,
        )

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        if data.table is not None:
            yield from source(data, data.table, seen.facts)
        else:
            yield Choice(("source", "path"), data.place)
            if data.path.suffix.lower() not in TAGS.endings:
                yield Choice(
                    ("source", "format"), "conll", "a token and its tag a line, a blank line between sentences"
                )
        yield from divided(seen)


def _in_file(data: Data, form: str) -> Seen | None:
    try:
        read = read_conllu(data.path, "upos") if form == "conllu" else read_columns(data.path, Places())
        counts: Counter[str] = Counter()
        rows = 0
        for _, sentence in read:
            rows += 1
            counts.update(sentence["tags"])
    except SourceError:
        if data.path.suffix.lower() == ".txt":
            return None  # another text
        raise
    if not rows or (data.path.suffix.lower() == ".txt" and len(counts) > sum(counts.values()) / 3):
        return None
    named = ", ".join(f"{tag} {times}" for tag, times in counts.most_common(6))
    return Seen([f"{data.name}: {rows} sentences in CoNLL's form", f"  {len(counts)} tags: {named}"], rows)


def _in_table(table: Table) -> dict[str, Any] | None:
    """The columns of tokens and tags, or of texts and spans."""
    lists = [one.name for one in table.columns.values() if one.mostly("list")]
    tokens = next((one for one in _TOKENS if one in lists), None)
    tags = next((one for one in _TAGS if one in lists), None)
    if tokens and tags and isinstance((table.columns[tags].first or [""])[0], str):
        return {"tokens": tokens, "tags": tags}
    texts = [one for one in table.columns.values() if one.is_textual]
    for column in table.columns.values():
        first = column.first[0] if column.mostly("list of mappings", "list") and column.first else None
        if isinstance(first, dict) and {"start", "end"} <= set(first) and {"type", "label"} & set(first) and texts:
            return {"text": max(texts, key=lambda one: one.length).name, "label": column.name}
    return None


SHAPES = (_Tags(),)
