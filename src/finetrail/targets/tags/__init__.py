"""A label that is a list of typed spans of a text: named entities, chunks, parts of speech."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from finetrail.data.sources.columns import Record
from finetrail.data.sources.readers import RecordReader
from finetrail.errors import TrainingError
from finetrail.evaluation.scores.metric import Metric
from finetrail.targets.tags.faults import faults
from finetrail.targets.tags.reading import given, read_conll, read_conllu, read_spans, spans_of, with_scheme
from finetrail.targets.tags.rules import FACTS, FAULTS, TagRules
from finetrail.targets.tags.settings import TagColumns, TagTraining, TypeSlice
from finetrail.targets.tags.spans import canonical_spans
from finetrail.targets.tags.split import TagStrata
from finetrail.targets.target import Target, json_list

if TYPE_CHECKING:
    import pyarrow as pa

    from finetrail.targets.tags.codec import TagCodec
    from finetrail.targets.tags.learning import TagLearning

METRICS = (
    Metric("accuracy", "accuracy"),
    Metric("conlleval_f1", "conlleval F1"),
    Metric("partial_f1", "partial F1"),
    Metric("precision", "precision"),
    Metric("recall", "recall"),
    Metric("macro_f1", "macro F1"),
    Metric("f1", "F1"),
)


class _Tags(Target):
    """See `finetrail.targets.target.Target`."""

    name = "tags"
    problem_type = "token_classification"
    noun = "token classification"
    metrics = METRICS
    facts = FACTS
    in_place = True
    formats: Mapping[str, RecordReader] = {"conll": read_conll, "conllu": read_conllu}
    endings: Mapping[str, str] = {
        **dict.fromkeys((".conll", ".iob", ".iob2", ".bio", ".bioes"), "conll"),
        ".conllu": "conllu",
    }
    Columns = TagColumns
    Rules = TagRules
    Training = TagTraining
    Slice = TypeSlice
    strata = TagStrata()

    def arrow(self) -> "pa.DataType":
        import pyarrow as pa

        return pa.list_(pa.struct({"start": pa.int32(), "end": pa.int32(), "type": pa.string()}))

    def describe(self, labels: Sequence[Any], contents: Sequence[Any]) -> list[dict[str, object]]:
        return [_facts(label, content) for label, content in zip(labels, contents, strict=True)]

    def given(self, where: str, record: Mapping[str, Any], columns: Any) -> tuple[Mapping[str, Any], Any]:
        return given(where, record, columns)

    def prepared(self, records: Iterator[Record], columns: Any) -> Iterator[Record]:
        return with_scheme(records, columns)

    def read(self, where: str, value: Any, columns: Any) -> Any:
        return read_spans(where, value)

    def from_cell(self, where: str, text: str, columns: Any) -> Any:
        return read_spans(where, json_list(where, text))

    def said(self, label: Any, content: Any) -> str:
        return ", ".join(f"{content[one.start : one.end]} ({one.type})" for one in spans_of(label)) or "none"

    def key(self, label: Any) -> str:
        return json.dumps(spans_of(label), ensure_ascii=False)

    def names(self, label: Any) -> Iterable[str]:
        return [span["type"] for span in label]

    def renamed(self, label: Any, names: Mapping[str, str]) -> Any:
        return [{**span, "type": names.get(span["type"], span["type"])} for span in label]

    def learn(self, labels: Sequence[Any], settings: Any) -> "TagLearning":
        from finetrail.targets.tags.codec import TagCodec
        from finetrail.targets.tags.learning import TagLearning

        types = tuple(sorted({span["type"] for label in labels for span in label}))
        if not types:
            raise TrainingError(
                f"none of the {len(labels)} training rows has a span: there is nothing to learn; add some"
            )
        return TagLearning(TagCodec(types))

    def codec(self, described: Mapping[str, Any]) -> "TagCodec":
        from finetrail.targets.tags.codec import TagCodec

        temperature = described.get("temperature", 1.0)  # models of earlier versions have none
        return TagCodec(tuple(described["types"]), bool(described["plain"]), temperature)

    def learned(self, described: Mapping[str, Any]) -> "TagLearning":
        from finetrail.targets.tags.learning import TagLearning

        return TagLearning(self.codec(described))


def _facts(label: Any, content: Any) -> dict[str, object]:
    found: dict[str, object] = dict.fromkeys(FACTS)
    if label is None:
        return found
    found["spans"] = len(label)
    if isinstance(content, str):
        found["canonical_spans"] = json.dumps([span[:2] for span in canonical_spans(spans_of(label), content)])
        wrong = faults(spans_of(label), content) if label else []
        found |= {fault.kind: fault.said for fault in reversed(wrong) if fault.kind in FAULTS}
    found["illegal_tags"] = cast(Any, label).illegal or None
    return found


TAGS = _Tags()
