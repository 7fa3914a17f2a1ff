"""Trainings with rows without labels: what a batch holds, what is learnt, and that a cut-off training goes on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from torch import nn

from finetrail.adaptation.full import Full
from finetrail.auxiliary.coral import Coral, coral
from finetrail.auxiliary.methods import AnyAuxiliary
from finetrail.auxiliary.terms.discrepancy import discrepancy
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError
from finetrail.inference.features import Features, compute_features
from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch, Network
from finetrail.training.beside import Beside, Joint, join, with_auxiliary
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.outcome import fit_work
from finetrail.training.steps import Records
from finetrail.training.work import Work
from tests.unit.conftest import NEUTRAL
from tests.unit.training.works import small_work

METHODS = ("mmd", "coral", "dann", "cdan", "consistency")
STEPS: dict[str, Any] = {"epochs": 2, "batch_size": 16, "log_every": 1, "checkpoint_seconds": 0, "learning_rate": 1e-2}
OTHER = [
    f"{NEUTRAL[row % 8]} {NEUTRAL[row % 5]} {'good' if row % 2 else 'bad'} {NEUTRAL[row % 3]}" for row in range(64)
]


class CutError(Exception):
    """What ends a training in the middle."""


def work_of(backbone: TextBackbone, method: str | None, **more: Any) -> Work:
    """Texts with labels and others without."""
    work = small_work(backbone, Full(method="full"), **STEPS)
    if method is None:
        return work
    union: Any = AnyAuxiliary
    asked = TypeAdapter(union).validate_python({"method": method, "rows": "other", "weight": 2.0, **more})
    candidate = work.candidate.model_copy(update={"auxiliary": asked})
    return replace(work, candidate=candidate, inputs=work.inputs | {"unlabelled": work.built.processor.encode(OTHER)})


def trained(work: Work, folder: Path, until: int | None = None) -> Work:
    """The work, trained to its end, or to a step."""
    checkpoints = Checkpoints(folder / "checkpoints")

    def observe(curve: str, step: int, point: Any) -> None:
        if curve == "train" and step == until:
            raise CutError

    fit_work(work, Records(checkpoints, observe, checkpoints.newest()), folder, None)
    return work


def distance(work: Work) -> float:
    """How far the features of both sides are apart."""
    sides = [work.inputs["val"], work.built.processor.encode(OTHER)]
    found = [compute_features(work.built.model.eval(), one, 32) for one in sides]
    values = [one.values for one in found if isinstance(one, Features)]
    return float(discrepancy(values[0], values[1]))


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_a_training_that_was_cut_off_ends_as_one_that_was_not(
    method: str, backbone: TextBackbone, tmp_path: Path
) -> None:
    whole = trained(work_of(backbone, method), tmp_path / "whole")
    for at in (3, 9):
        with pytest.raises(CutError):
            trained(work_of(backbone, method), tmp_path / "cut", until=at)
    cut = trained(work_of(backbone, method), tmp_path / "cut")
    expected, found = whole.built.model.state_dict(), cut.built.model.state_dict()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []


def test_an_aligned_model_is_a_plain_one_to_which_both_sides_look_more_alike(
    backbone: TextBackbone, tmp_path: Path
) -> None:
    alone = trained(work_of(backbone, None), tmp_path / "alone")
    aligned = trained(work_of(backbone, "mmd"), tmp_path / "aligned")
    assert list(aligned.built.model.state_dict()) == list(alone.built.model.state_dict())
    assert distance(aligned) < distance(alone) / 2


@given(size=st.integers(1, 12), seed=st.integers(0, 2**63 - 1))
def test_rows_beside_a_batch_are_drawn_once_each_as_long_as_there_are_enough(
    size: int, seed: int, backbone: TextBackbone
) -> None:
    inputs = beside(backbone)
    batch = inputs.batch(list(range(size)), seed)
    again = inputs.batch(list(range(size)), seed)
    assert all(torch.equal(batch[name], again[name]) for name in batch)
    drawn = batch["unlabelled.input_ids"]
    assert len(drawn) == size
    words = {tuple(row) for row in drawn.tolist()}
    assert len(words) == size or size > len(set(OTHER[:8]))
    assert "unlabelled.input_ids" not in inputs.batch([0])


def test_mixed_rows_have_no_plain_ones_to_be_compared_with(backbone: TextBackbone) -> None:
    asked = work_of(backbone, "consistency").candidate.auxiliary
    assert asked is not None
    with pytest.raises(
        ConfigError, match=r"compares a row with itself, .* mixes rows; remove mixup and cutmix, or use"
    ):
        with_auxiliary(lambda outputs, batch: outputs.sum(), asked)(
            torch.zeros(1), {"targets_of_partner": torch.ones(1)}
        )


class Normed(nn.Module):
    """Features (B, 3) of a batch, by a BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3, momentum=0.5)

    def forward(self, batch: Batch) -> torch.Tensor:
        features: torch.Tensor = self.norm(batch["values"])
        return features


@pytest.mark.parametrize("whose", ["both", "unlabelled"])
def test_batch_norms_average_over_both_kinds_of_rows_or_over_those_without_labels(whose: Any) -> None:
    labelled, other = torch.randn(8, 3) + 5, torch.randn(8, 3) - 2
    joint = Joint(Network(Normed(), nn.Linear(3, 2)), Coral(method="coral", rows="other", batch_norm=whose), coral)
    joint.train()
    joined = joint({"values": labelled, "unlabelled.values": other})
    assert isinstance(joint.backbone, Normed)
    norm = joint.backbone.norm
    expected = other.mean(dim=0) / 2 + (labelled.mean(dim=0) / 4 if whose == "both" else 0)
    assert norm.running_mean is not None
    assert torch.allclose(norm.running_mean, expected, atol=1e-6)
    assert norm.momentum == 0.5
    # Each kind is normalised by its own statistics all the same.
    normal = (labelled - labelled.mean(dim=0)) / (labelled.var(dim=0, correction=0) + norm.eps).sqrt()
    assert torch.allclose(joined.outputs, joint.head(normal), atol=1e-5)


def test_without_a_batch_norm_nothing_can_average_over_rows_without_labels(backbone: TextBackbone) -> None:
    work = work_of(backbone, "mmd", batch_norm="unlabelled")
    assert work.candidate.auxiliary is not None
    with pytest.raises(ConfigError, match=r"batch_norm is 'unlabelled', but this backbone has no BatchNorm; remove it"):
        join(work.built.model, work.candidate.auxiliary, work.inputs["train"], 0)


_KNOWN: dict[str, Inputs] = {}


def beside(backbone: TextBackbone) -> Beside:
    """Few texts without labels beside those with."""
    if not _KNOWN:
        work = small_work(backbone, Full(method="full"), **STEPS)
        _KNOWN.update(work.inputs | {"unlabelled": work.built.processor.encode(OTHER[:8])})
    return Beside(_KNOWN["train"], _KNOWN["unlabelled"])
