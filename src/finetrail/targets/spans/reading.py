"""The answers to a question as sources have them, with the places where they begin in the context."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from finetrail.data.canonical import is_missing
from finetrail.errors import SourceError

_REMEDY = 'write {"text": ["308"], "answer_start": [34]}, with empty lists if the context has no answer'
_STARTS = ("answer_start", "start")
_FARTHEST = 2**31  # places are stored as int32


class Answer(NamedTuple):
    """An answer, and the index of its first character in the context."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """The index behind its last character."""
        return self.start + len(self.text)


Label = list[dict[str, Any]]
"""Answers as they are stored: `text` and `start` of each; none if the context has no answer."""


def answers_of(label: Sequence[Mapping[str, Any]]) -> list[Answer]:
    """The answers of a stored label, in its order."""
    return [Answer(one["text"], one["start"]) for one in label]


def to_label(answers: Sequence[Answer]) -> Label:
    """Answers as they are stored, each once."""
    return [{"text": text, "start": start} for text, start in dict.fromkeys(answers)]


def read_answers(where: str, value: Any) -> Label | None:
    """Answers as a source has them; None if the value is missing.

    Args:
        value: a mapping of the lists `text` and `answer_start`, as in Hugging Face's data sets; a list of mappings with
            `text` and `answer_start` or `start`, as in SQuAD's files; or either as JSON.

    Raises:
        SourceError: it is something else.
    """
    if is_missing(value):
        return None
    if isinstance(value, str):
        value = _parsed(where, value)
    if isinstance(value, Mapping):
        texts, starts = (_listed(value.get(name)) for name in ("text", _named(value)))
        if texts is None or starts is None or len(texts) != len(starts):
            raise _refusal(where, value)
        return to_label([_answer(where, *pair) for pair in zip(texts, starts, strict=True)])
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, Mapping) for one in value):
        raise _refusal(where, value)
    return to_label([_answer(where, one.get("text"), one.get(_named(one))) for one in value])


def joined_starts(where: str, texts: Any, starts: Any) -> Any:
    """The value of a label whose texts and starts are in two columns."""
    if is_missing(texts) and is_missing(starts):
        return None
    return {"text": _cell(where, texts), "answer_start": _cell(where, starts)}


def _cell(where: str, value: Any) -> Any:
    """A list in a cell of a table of texts; any other value as it is."""
    return _parsed(where, value) if isinstance(value, str) and value.lstrip().startswith("[") else value


def _parsed(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _refusal(where, text) from error


def _named(value: Mapping[str, Any]) -> str:
    return next((name for name in _STARTS if name in value), _STARTS[0])


def _listed(value: Any) -> list[Any] | None:
    if isinstance(value, (list, tuple)):
        return list(value)
    return None if value is None or isinstance(value, Mapping) else [value]


def _answer(where: str, text: Any, start: Any) -> Answer:
    if isinstance(start, str) and start.strip().removeprefix("-").isdecimal():
        start = int(start)  # in a table of texts
    whole = isinstance(start, int) and not isinstance(start, bool) and abs(start) < _FARTHEST
    if not isinstance(text, str) or not whole:
        raise _refusal(where, {"text": text, "answer_start": start})
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SourceError(
            f"{where}: answer {ascii(text)[:60]} cannot be encoded as UTF-8; correct the escapes of halved characters"
        ) from error
    return Answer(text, start)


def _refusal(where: str, value: Any) -> SourceError:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return SourceError(
        f"{where}: answers are {shown[:60]!r}; each needs a text and the number where it begins; {_REMEDY}"
    )


def places(text: str, context: str) -> Iterator[int]:
    """Where a text stands in a context."""
    at = context.find(text)
    while at >= 0:
        yield at
        at = context.find(text, at + 1)
