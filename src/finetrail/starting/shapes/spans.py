"""Questions that a part of a context answers: SQuAD's JSON, or a table."""

from collections.abc import Iterator
from types import SimpleNamespace

from finetrail.starting.looking import Data
from finetrail.starting.shape import Choice, Seen, Shape
from finetrail.starting.shapes.tabular import source
from finetrail.targets.spans.squad import read_squad

_ASKED = ("question", "context")
_LABELS = ("answers", "answer")
_STARTS = ("answer_start", "start", "starts", "answer_starts")


class _Spans(Shape):
    task = ("question-answering", None)
    recipe = "own-questions"
    looks = "SQuAD's JSON, or a table with question, context and answers"

    def recognise(self, data: Data) -> Seen | None:
        if data.has_articles:
            rows = sum(1 for _ in read_squad(data.path, SimpleNamespace(contents=_ASKED)))
            return Seen([f"{data.name}: {rows} questions in SQuAD's JSON"], rows)
        if data.table is None or not set(_ASKED) <= set(data.table.columns):
            return None
        label = next((one for one in _LABELS if one in data.table.columns), None)
        starts = next((one for one in _STARTS if one in data.table.columns), None)
        if label is None or (starts is None and data.table.columns[label].mostly("words")):
            return None
        found = {"text": [*_ASKED], "label": label} | ({"starts": starts} if starts else {})
        said = f"{data.name}: {data.table.rows} rows with {', '.join((*_ASKED, label))}"
        return Seen([said], data.table.rows, facts=found)

    def params(self, data: Data, seen: Seen) -> Iterator[Choice]:
        if data.table is not None and seen.facts:
            yield from source(data, data.table, seen.facts)
        else:
            yield Choice(("source", "path"), data.place, "SQuAD's JSON names its own parts")


SHAPES = (_Spans(),)
