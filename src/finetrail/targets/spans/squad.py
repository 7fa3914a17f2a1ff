"""Read SQuAD's JSON: articles of paragraphs, each a context with its questions (Rajpurkar et al. 2016, 2018)."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from finetrail.data.sources.columns import Record, Tell
from finetrail.data.sources.json_objects import read_objects
from finetrail.data.sources.scan import encoding_of
from finetrail.data.sources.tables import read_jsonl, silent
from finetrail.errors import SourceError

GIVEN = "\0answers"
"""The key of the answers in a record of such a file: no table has a column of this name."""


def read_squad(path: Path, columns: Any, tell: Tell = silent) -> Iterator[Record]:
    """Yield (question number from 1, record with question, context, answers, title and id).

    A JSON file of another form is read as one with an object a row.

    Raises:
        SourceError: it is not JSON, or an article, a paragraph or a question lacks a part.
    """
    objects = (value for _, value in read_objects(path, encoding_of(path)))
    first = next(objects, None)
    if first is None or not _is_squad(first):
        yield from read_jsonl(path, columns.names)
        return
    question, context = columns.contents
    number = 0
    for article in chain.from_iterable(map(_articles, chain([first], objects))):
        for paragraph in _part(path, number, article, "paragraphs", list):
            text = _part(path, number, paragraph, "context", str)
            for asked in _part(path, number, paragraph, "qas", list):
                number += 1
                yield (
                    number,
                    {
                        "title": article.get("title"),
                        "id": asked.get("id"),
                        question: _part(path, number, asked, "question", str),
                        context: text,
                        GIVEN: [] if asked.get("is_impossible") is True else asked.get("answers"),
                    },
                )


def _is_squad(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("data"), list) or "paragraphs" in value


def _articles(value: dict[str, Any]) -> list[Any]:
    """The articles of a file's object, or of an array the object itself."""
    found: list[Any] = value.get("data", [value])
    return found


def _part(path: Path, number: int, value: Any, name: str, kind: type[Any]) -> Any:
    found = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(found, kind):
        place = f"question {number}" if name == "question" else f"behind question {number}"
        raise SourceError(
            f"{path.name}, {place}: {name!r} is {str(found)[:40]!r}, but SQuAD's JSON has "
            f"{'a text' if kind is str else 'a list'} there (data, paragraphs, qas); correct it, or write one row a "
            "line as JSONL"
        )
    return found
