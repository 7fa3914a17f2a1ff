"""Forward passes: every answer where its example was, and no gradient."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from finetrail.models.backbone_settings import TextBackbone
from hypothesis import given
from hypothesis import strategies as st

from finetrail.contents.text.backbone import TextInputs
from finetrail.inference.predict import Features, compute_features, predict
from finetrail.models.inputs import Inputs
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built

TEXTS = ["good", "the door of a house by the river", "fine great", "poor", "cloud " * 30, "sad table", "stone"]


@pytest.fixture(scope="module")
def built(backbone: TextBackbone) -> Built:
    return get_task("text-classification").build(backbone, ["bad", "good"], Path())


@pytest.fixture(scope="module")
def inputs(built: Built) -> Inputs:
    return built.processor.encode(TEXTS)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 64])
def test_answers_are_in_the_order_of_the_inputs(built: Built, inputs: Inputs, batch_size: int) -> None:
    expected = np.concatenate([predict(built.model, TextInputs([one], 0), 1) for one in inputs.tokens])  # type: ignore[attr-defined]
    found = predict(built.model, inputs, batch_size)
    assert found.shape == (7, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=12), st.integers(1, 5))
def test_order_is_restored_whatever_the_lengths(lengths: list[int], batch_size: int) -> None:
    class Numbered:
        """Inputs whose only tensor is their own number."""

        def __init__(self) -> None:
            self.lengths = lengths
            self.varies = False

        def __len__(self) -> int:
            return len(lengths)

        def batch(self, indices: Iterable[int], seed: int | None = None) -> dict[str, torch.Tensor]:
            return {"features": torch.tensor([[float(index)] for index in indices])}

    from finetrail.models.network import Network

    model = Network(torch.nn.Identity(), width=1, classes=1)
    assert compute_features(model, Numbered(), batch_size).values.flatten().tolist() == list(range(len(lengths)))


def test_features_are_the_backbones_output(built: Built, inputs: Inputs) -> None:
    features = compute_features(built.model, inputs, 3)
    with torch.inference_mode():
        expected = built.model.backbone.eval()(inputs.batch(range(7)))
    torch.testing.assert_close(features.values, expected, rtol=1e-5, atol=1e-6)
    assert len(features) == len(features.lengths) == 7
    assert torch.equal(features.batch([4, 0])["features"], features.values[[4, 0]])
    np.testing.assert_allclose(predict(built.model, features, 3), predict(built.model, inputs, 3), rtol=1e-5, atol=1e-6)


def test_features_have_no_gradient_but_a_head_can_be_trained_on_them(built: Built, inputs: Inputs) -> None:
    features = compute_features(built.model, inputs, 3)
    assert not features.values.requires_grad
    assert not features.values.is_inference()
    loss = built.model(features.batch([0, 1])).sum()
    loss.backward()
    assert built.model.head.weight.grad is not None
    assert all(parameter.grad is None for parameter in built.model.backbone.parameters())
    built.model.zero_grad()


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_and_the_models_mode_is_as_before(encoder_folder: Path, training: bool) -> None:
    backbone = TextBackbone(weights=str(encoder_folder), max_tokens=16, dropout=0.5)
    built = get_task("text-classification").build(backbone, ["bad", "good"], Path())
    built.model.train(training)
    inputs = built.processor.encode(TEXTS)
    assert (predict(built.model, inputs, 4) == predict(built.model, inputs, 4)).all()
    assert built.model.training is training


def test_progress_is_shown_by_batches(built: Built, inputs: Inputs) -> None:
    shown: list[tuple[int | None, str]] = []

    def track(items: Iterable[list[int]], *, total: int | None, what: str) -> Iterable[list[int]]:
        shown.append((total, what))
        return items

    predict(built.model, inputs, 3, track, "scoring")  # type: ignore[arg-type]
    assert shown == [(3, "scoring")]
    assert isinstance(compute_features(built.model, inputs, 3), Features)
