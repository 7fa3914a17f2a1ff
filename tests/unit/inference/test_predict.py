"""Forward passes: every answer where its example was."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.contents.text.processor import TextInputs
from finetrail.contents.text.settings import TextBackbone
from finetrail.inference.launch import MEETING
from finetrail.inference.predict import predict
from finetrail.models.inputs import Inputs
from finetrail.tasks.task import Built
from tests.unit.inference.numbered import SPLITS, Numbered, alike, collected, network, ragged
from tests.unit.models.networks import LEARNING, answers, text_classifier

pytestmark = pytest.mark.slow

TEXTS = ["good", "the door of a house by the river", "fine great", "poor", "cloud " * 30, "sad table", "stone"]
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def built(backbone: TextBackbone) -> Built:
    return text_classifier(backbone)


@pytest.fixture(scope="module")
def inputs(built: Built) -> Inputs:
    return built.processor.encode(TEXTS)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 64])
def test_answers_are_in_the_order_of_the_inputs(built: Built, inputs: Inputs, batch_size: int) -> None:
    assert isinstance(inputs, TextInputs)
    expected = np.concatenate([answers(built.model, TextInputs([one], 0), 1) for one in inputs.tokens])
    found = answers(built.model, inputs, batch_size)
    assert found.shape == (7, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=12), st.integers(1, 5))
def test_what_is_kept_may_be_of_any_length(lengths: list[int], batch_size: int) -> None:
    found = predict(network(), Numbered(lengths), ragged, batch_size)
    assert [of_row.tolist() for of_row in found] == [[[row, row]] * row for row in range(len(lengths))]
    assert {of_row.dtype for of_row in found} == {np.dtype(np.float32)}


def test_what_is_alike_is_one_array() -> None:
    found = predict(network(), Numbered([1, 3, 2]), alike, 2)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [[[0], [0]], [[1], [1]], [[2], [2]]]


@pytest.mark.parametrize("count", [2, 3])
def test_each_of_several_processes_gets_the_whole(count: int, tmp_path: Path) -> None:
    """Also where there are fewer examples than processes."""
    common = os.environ | {MEETING: str(tmp_path / "meeting"), "WORLD_SIZE": str(count), "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, "-m", "tests.unit.inference.numbered"]
    running = [
        subprocess.Popen(command, cwd=REPOSITORY, env=common | {"RANK": str(number)}, stdout=subprocess.PIPE)
        for number in range(count)
    ]
    said = [process.communicate(timeout=240)[0] for process in running]
    alone = collected()
    assert [len(of_split) for of_split in alone] == [len(split) for split in SPLITS for _ in range(2)]
    assert [json.loads(one) for one in said] == [alone] * count


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_and_the_models_mode_is_as_before(encoder_folder: Path, training: bool) -> None:
    built = text_classifier(TextBackbone(weights=str(encoder_folder), max_tokens=16, dropout=0.5))
    built.model.train(training)
    inputs = built.processor.encode(TEXTS)
    assert (answers(built.model, inputs, 4) == answers(built.model, inputs, 4)).all()
    assert built.model.training is training


def test_progress_is_shown_by_batches(built: Built, inputs: Inputs) -> None:
    shown: list[tuple[int | None, str]] = []

    def track(items: Iterable[list[int]], *, total: int | None, what: str) -> Iterable[list[int]]:
        shown.append((total, what))
        return items

    predict(built.model, inputs, LEARNING.keep, 3, track=track, what="scoring")  # type: ignore[arg-type]
    assert shown == [(3, "scoring")]
