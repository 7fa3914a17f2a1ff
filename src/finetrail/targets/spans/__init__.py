"""A label that is the answers to a question, each a part of a context; or none."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finetrail.data.sources.readers import RecordReader
from finetrail.errors import TrainingError
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.spans.options import SpanOptions
from finetrail.targets.spans.reading import answers_of, joined_starts, read_answers, to_label
from finetrail.targets.spans.rules import FACTS, SpanRules, faults
from finetrail.targets.spans.settings import AnswerSlice, SpanColumns, SpanTraining
from finetrail.targets.spans.split import SpanStrata
from finetrail.targets.spans.squad import GIVEN, read_squad
from finetrail.targets.target import Target, json_list

if TYPE_CHECKING:
    import pyarrow as pa

    from finetrail.targets.spans.codec import SpanCodec
    from finetrail.targets.spans.learning import SpanLearning

METRICS = (Metric("exact_match", "exact match"), Metric("f1", "F1"))


class _Spans(Target):
    """See `finetrail.targets.target.Target`."""

    name = "spans"
    problem_type = "question_answering"
    noun = "question answering"
    metrics = METRICS
    facts = FACTS
    in_place = True
    formats: Mapping[str, RecordReader] = {"squad": read_squad}
    endings: Mapping[str, str] = {".json": "squad"}
    Columns = SpanColumns
    Rules = SpanRules
    Training = SpanTraining
    Slice = AnswerSlice
    strata = SpanStrata()
    Options = SpanOptions

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        return pa.list_(pa.struct({"text": pa.string(), "start": pa.int32()}))

    def describe(self, labels: Sequence[Any], contents: Sequence[Any]) -> list[dict[str, object]]:
        return [_facts(label, content) for label, content in zip(labels, contents, strict=True)]

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        if GIVEN in record:
            return record, record[GIVEN]
        if columns.starts is None:
            return record, record[columns.label]
        return record, joined_starts(where, record[columns.label], record[columns.starts])

    def read(self, where: str, value: Any, columns: Any) -> Any:
        return read_answers(where, value)

    def from_cell(self, where: str, text: str, columns: Any) -> Any:
        return read_answers(where, json_list(where, text))

    def key(self, label: Any) -> str:
        ordered = sorted(set(answers_of(label)), key=lambda one: (one.start, one.text))
        return json.dumps(to_label(ordered), ensure_ascii=False)

    def said(self, label: Any, content: Any) -> str:
        return "; ".join(dict.fromkeys(repr(one.text) for one in answers_of(label))) or "none"

    def learn(self, labels: Sequence[Any], settings: Any) -> "SpanLearning":
        from finetrail.targets.spans.codec import SpanCodec
        from finetrail.targets.spans.learning import SpanLearning

        if not any(labels):
            raise TrainingError(
                f"none of the {len(labels)} training questions has an answer: there is nothing to learn; add some"
            )
        return SpanLearning(SpanCodec(not all(labels), settings.longest_answer))

    def codec(self, described: Mapping[str, Any]) -> "SpanCodec":
        from finetrail.targets.spans.codec import SpanCodec

        return SpanCodec(**described)

    def learned(self, described: Mapping[str, Any]) -> "SpanLearning":
        from finetrail.targets.spans.learning import SpanLearning

        return SpanLearning(self.codec(described))


def _facts(label: Any, content: Any) -> dict[str, object]:
    found: dict[str, object] = dict.fromkeys(FACTS)
    if label is None:
        return found
    found["answers"] = len(label)
    if isinstance(content, Mapping):
        _, context = content.values()
        found |= faults(answers_of(label), context)
    return found


SPANS = _Spans()
