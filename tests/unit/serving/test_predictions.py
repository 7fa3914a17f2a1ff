"""predictions.parquet: the same answers come back, beside the rows that they are answers to."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from finetrail.serving.predictions import read_predictions, write_predictions
from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.numbers.codec import NumberCodec


@pytest.mark.parametrize("groups", [["a", None, "b"], [None] * 3])
def test_classes_come_back_with_ids_labels_and_the_groups_if_there_are_any(
    tmp_path: Path, groups: list[str | None]
) -> None:
    codec = ClassCodec(("bad", "good"))
    logits = np.array([[0.5, -1e-7], [3.25, 2], [-1, 1 / 3]], dtype=np.float32)
    rows = pd.DataFrame({"id": ["1", "2", "3"], "label": ["bad", "good", "bad"], "group": groups})
    write_predictions(tmp_path / "predictions.parquet", rows, codec, logits)
    found = read_predictions(tmp_path / "predictions.parquet")
    assert list(found.columns) == ["id", "label", *(["group"] if any(groups) else []), "logits"]
    assert found["id"].tolist() == ["1", "2", "3"]
    assert found["label"].tolist() == ["bad", "good", "bad"]
    read = codec.read(found)
    assert read.dtype == np.float32
    assert (read == logits).all()


def test_numbers_come_back_as_numbers(tmp_path: Path) -> None:
    codec = NumberCodec(mean=0.0, std=1.0)
    answers = np.array([[1 / 3], [-2e9]], dtype=np.float32)
    rows = pd.DataFrame({"id": ["1", "2"], "label": [0.1, -2e9 - 1], "group": None})
    write_predictions(tmp_path / "predictions.parquet", rows, codec, answers)
    found = read_predictions(tmp_path / "predictions.parquet")
    assert found["label"].tolist() == [0.1, -2e9 - 1]
    assert (codec.read(found) == answers).all()


def test_labels_that_are_lists_come_back_as_lists(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": ["1", "2"], "label": [["good", "fine"], []], "group": None})
    write_predictions(tmp_path / "predictions.parquet", rows, ClassCodec(("a", "b")), np.zeros((2, 2), np.float32))
    assert read_predictions(tmp_path / "predictions.parquet")["label"].tolist() == [["good", "fine"], []]
