"""The types of answers mean the same in MLflow's signature and in Parquet."""

import pyarrow as pa
import pytest

from finetrail.serving.answer_types import arrow_type, is_nested, mlflow_type
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.class_sets.codec import SetCodec
from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.instances.codec import InstanceCodec
from finetrail.targets.masks.codec import MaskCodec
from finetrail.targets.numbers.codec import NumberCodec
from finetrail.targets.preferences.codec import PreferenceCodec
from finetrail.targets.sequences.codec import SequenceCodec
from finetrail.targets.several.codec import SeveralCodec
from finetrail.targets.spans.codec import SpanCodec
from finetrail.targets.tags.codec import TagCodec
from finetrail.tasks.registry import all_tasks

SPANS = "list[{label: string, start: long, score: double}]"
KINDS = [
    ("string", pa.string(), {"type": "string"}),
    ("double", pa.float64(), {"type": "double"}),
    ("list[string]", pa.list_(pa.string()), {"type": "array", "items": {"type": "string"}}),
    ("list[list[long]]", pa.list_(pa.list_(pa.int64())), None),
    ("{label: string, at: long}", pa.struct([("label", pa.string()), ("at", pa.int64())]), None),
    (SPANS, pa.list_(pa.struct([("label", pa.string()), ("start", pa.int64()), ("score", pa.float64())])), None),
]


@pytest.mark.parametrize(("kind", "in_parquet", "in_mlflow"), KINDS)
def test_a_type_is_known_to_both(kind: str, in_parquet: pa.DataType, in_mlflow: dict[str, object] | None) -> None:
    from mlflow.types import ColSpec

    assert arrow_type(kind) == in_parquet
    assert is_nested(kind) == pa.types.is_nested(in_parquet)
    said = ColSpec(mlflow_type(kind)).to_dict()
    assert in_mlflow is None or said.items() >= in_mlflow.items()


def test_a_list_of_structs_is_one_to_mlflow_too() -> None:
    from mlflow.types import ColSpec

    properties = ColSpec(mlflow_type(SPANS)).to_dict()["items"]["properties"]
    assert {name: one["type"] for name, one in properties.items()} == {
        "label": "string",
        "start": "long",
        "score": "double",
    }


CODECS = (
    ClassCodec(("a", "b"), 1.0, 0.9, 0.1, 0.1, 0.5),
    NumberCodec(0.0, 1.0, (), 0.9, 1.0),
    SetCodec(("a", "b"), (0.5, 0.5)),
    SequenceCodec(),
    PreferenceCodec(),
    TagCodec(("PER",)),
    SpanCodec(unanswerable=True),
    BoxCodec(("a",)),
    MaskCodec(("a", "b")),
    InstanceCodec(("a",)),
    SeveralCodec({}, {"topic": ClassCodec(("a", "b")), "score": NumberCodec(0.0, 1.0)}),
)


def test_every_target_answers_in_types_that_are_known() -> None:
    assert len(CODECS) == len({task.target.name for task in all_tasks()})
    kinds = {kind for codec in CODECS for kind in codec.kinds.values()}
    assert kinds >= {"string", "double", "boolean", "list[string]"}
    for kind in kinds:
        mlflow_type(kind)
        arrow_type(kind)


@pytest.mark.parametrize("kind", ["text", "list[number]", "string]"])
def test_other_words_are_no_types(kind: str) -> None:
    with pytest.raises(KeyError):
        arrow_type(kind)
    with pytest.raises(KeyError):
        mlflow_type(kind)
