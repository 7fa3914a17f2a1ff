"""Features of a frozen backbone: computed once, in their order, and without a gradient."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from finetrail.contents.text.settings import TextBackbone
from finetrail.inference.features import MASK, Features, RaggedFeatures, compute_features
from finetrail.models.inputs import Inputs, Targets, targets_of
from finetrail.models.network import Batch, Network
from finetrail.targets.per_row import RowTargets
from finetrail.tasks.task import Built
from tests.unit.inference.numbered import Numbered, network
from tests.unit.inference.test_predict import TEXTS
from tests.unit.models.networks import answers, text_classifier
from tests.unit.training.toys import Layer, points


@pytest.fixture(scope="module")
def built(backbone: TextBackbone) -> Built:
    return text_classifier(backbone)


@pytest.fixture(scope="module")
def inputs(built: Built) -> Inputs:
    return built.processor.encode(TEXTS)


def computed(model: Network, inputs: Inputs, batch_size: int) -> Features:
    found = compute_features(model, inputs, batch_size)
    assert isinstance(found, Features)
    return found


@given(st.lists(st.integers(1, 20), min_size=1, max_size=12), st.integers(1, 5))
def test_order_is_restored_whatever_the_lengths(lengths: list[int], batch_size: int) -> None:
    found = computed(network(), Numbered(lengths), batch_size)
    assert found.values.flatten().tolist() == list(range(len(lengths)))


def test_features_are_the_backbones_output(built: Built, inputs: Inputs) -> None:
    features = computed(built.model, inputs, 3)
    with torch.inference_mode():
        expected = built.model.backbone.eval()(inputs.batch(range(7)))
    torch.testing.assert_close(features.values, expected, rtol=1e-5, atol=1e-6)
    assert len(features) == len(features.lengths) == 7
    assert not features.varies
    assert torch.equal(features.batch([4, 0])["features"], features.values[[4, 0]])
    np.testing.assert_allclose(answers(built.model, features, 3), answers(built.model, inputs, 3), rtol=1e-5, atol=1e-6)


def test_features_have_no_gradient_but_a_head_can_be_trained_on_them(built: Built, inputs: Inputs) -> None:
    features = computed(built.model, inputs, 3)
    assert not features.values.requires_grad
    assert not features.values.is_inference()
    loss = built.model(features.batch([0, 1])).sum()
    loss.backward()
    assert all(parameter.grad is not None for parameter in built.model.head.parameters())
    assert all(parameter.grad is None for parameter in built.model.backbone.parameters())
    built.model.zero_grad()


def test_targets_and_rows_are_those_of_the_inputs(built: Built, inputs: Inputs) -> None:
    features = computed(built.model, inputs.labelled(RowTargets(torch.arange(7))), 3)
    assert features.batch([5, 2])["targets"].tolist() == [5, 2]
    assert list(features.rows) == list(inputs.rows)
    assert features.labelled(RowTargets(-torch.arange(7))).batch([5, 2])["targets"].tolist() == [-5, -2]
    assert "targets" not in computed(built.model, inputs, 3).batch([5, 2])


@dataclass(frozen=True)
class Several:
    """Examples that have several features (B, W, 2) each, those of number 0 first."""

    features: list[Tensor]
    targets: Targets | None = None
    varies: bool = False

    def __len__(self) -> int:
        return len(self.features)

    @property
    def lengths(self) -> list[int]:
        return [len(one) for one in self.features]

    @property
    def rows(self) -> Sequence[int]:
        return range(len(self.features))

    def labelled(self, targets: Targets) -> Self:
        return replace(self, targets=targets)

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        some = [self.features[index] for index in indices]
        x = nn.utils.rnn.pad_sequence(some, batch_first=True, padding_value=7.0)
        mask = torch.arange(x.shape[1]) < torch.tensor([len(one) for one in some])[:, None]
        return {"x": x, MASK: mask} | targets_of(self, indices)


class Doubler(nn.Module):
    def forward(self, batch: Batch) -> Tensor:
        return 2 * batch["x"]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.integers(1, 5))
def test_examples_of_several_features_get_as_many_back(counts: list[int], batch_size: int) -> None:
    features = [torch.randn(count, 2) for count in counts]
    inputs = Several(features, RowTargets(torch.arange(len(counts))))
    model = Network(Doubler(), nn.Linear(2, 3))
    found = compute_features(model, inputs, batch_size)
    assert isinstance(found, RaggedFeatures)
    assert (len(found), found.lengths, list(found.rows)) == (len(counts), counts, list(range(len(counts))))
    order = list(reversed(range(len(counts))))
    batch, expected = found.batch(order), inputs.batch(order)
    assert batch.keys() == {"features", MASK, "targets"}
    assert torch.equal(batch[MASK], expected[MASK])
    assert torch.equal(batch["features"], 2 * expected["x"].masked_fill(~expected[MASK][..., None], 0))
    assert batch["targets"].tolist() == order


def test_many_features_stand_in_a_file_without_a_name(tmp_path: Path) -> None:
    inputs = Several([torch.randn(count, 2) for count in (3, 1, 4, 1, 5)])
    model = Network(Doubler(), nn.Linear(2, 3))
    small = compute_features(model, inputs, 2, scratch=tmp_path / "unused")
    large = compute_features(model, inputs, 2, scratch=tmp_path / "used", in_memory=20)
    assert isinstance(small, RaggedFeatures)
    assert isinstance(large, RaggedFeatures)
    assert (small.kept.in_memory, large.kept.in_memory) == (True, False)
    assert list((tmp_path / "used").iterdir()) == []
    assert torch.equal(small.batch([4, 2])["features"], large.batch([4, 2])["features"])


def test_many_single_features_stand_there_too(tmp_path: Path) -> None:
    model, inputs = Network(Layer(), nn.Linear(8, 3)), points(5, 1)
    small = compute_features(model, inputs, 2, scratch=tmp_path / "unused")
    large = compute_features(model, inputs, 2, scratch=tmp_path / "used", in_memory=5 * 8 * 4 - 1)
    assert isinstance(small, Features)
    assert isinstance(large, Features)
    assert list(tmp_path.iterdir()) == [tmp_path / "used"]
    assert list((tmp_path / "used").iterdir()) == []
    assert torch.equal(small.batch([4, 2])["features"], large.batch([4, 2])["features"])
