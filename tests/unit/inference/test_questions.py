"""Which rows are asked again, and what is known of them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetrail.errors import RoundTripError, WorkspaceError
from finetrail.inference.questions import SAMPLE, drawn
from finetrail.tasks.registry import get_task

TASK = get_task("text-classification")
CODEC = TASK.target.codec({"labels": ["bad", "good"]})


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """Rows whose ids fall as their number grows; row 3 of 300 is blank."""
    texts = ["" if row == 3 else f"text {row}" for row in range(300)]
    ids = [f"{999 - row:03d}" for row in range(300)]
    pq.write_table(pa.table({"id": ids, "text": texts, "label": ["bad"] * 300}), tmp_path / "part-00000.parquet")
    return tmp_path


def _answered(rows: int = 300) -> pd.DataFrame:
    ids = [f"{999 - row:03d}" for row in range(rows)]
    logits = list(np.arange(2 * rows, dtype=np.float32).reshape(rows, 2))
    return pd.DataFrame({"id": ids, "label": "bad", "logits": logits})


def test_the_rows_with_the_smallest_ids_are_asked_with_their_own_answers(split: Path) -> None:
    questions = drawn(split, TASK.content, _answered(), CODEC)
    assert questions.ids == sorted(f"{999 - row:03d}" for row in range(300))[:SAMPLE]
    assert questions.contents[:2] == ["text 299", "text 298"]
    assert questions.answers[:2].tolist() == [[598, 599], [596, 597]]
    assert drawn(split, TASK.content, _answered(), CODEC, most=2).ids == questions.ids[:2]


def test_what_a_served_model_refuses_is_not_asked(split: Path) -> None:
    questions = drawn(split, TASK.content, _answered(10), CODEC)
    assert len(questions) == len(questions.contents) == len(questions.answers) == 9
    assert "996" not in questions.ids
    some = questions.where(np.arange(9) < 2)
    assert (some.ids, some.answers.tolist()) == (["990", "991"], [[18, 19], [16, 17]])


def test_answers_of_another_model_or_to_other_rows_are_refused(split: Path) -> None:
    other = TASK.target.codec({"labels": ["bad", "good", "neutral"]})
    with pytest.raises(RoundTripError, match=r"another model \(it has 2 logits a row for 3 labels\); run `dvc repro`"):
        drawn(split, TASK.content, _answered(), other)
    with pytest.raises(WorkspaceError, match=r"has no row '000': its files come from different runs; run `dvc repro`"):
        drawn(split, TASK.content, _answered().assign(id="000"), CODEC)
