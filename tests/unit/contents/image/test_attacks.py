"""Attacks on images of models whose answer is known: a linear one, worked out by hand, and a small network."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from finetrail.contents.attack import Attacked
from finetrail.contents.image.attacks import attack
from finetrail.contents.image.backbone import VisionBackbone
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.models.network import Batch, Network

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
SIDE = 4
SIZE = 3 * SIDE * SIDE


def loss(outputs: Tensor, batch: Batch) -> Tensor:
    return functional.cross_entropy(outputs, batch["targets"])


def each_loss(model: Attacked, batch: Batch) -> Tensor:
    with torch.no_grad():
        return functional.cross_entropy(model.network(batch), batch["targets"], reduction="none")


def attacked(*layers: nn.Module, width: int) -> Attacked:
    """A classifier of two classes on normalised pixels. Args: width: of the features."""
    preprocessing = Preprocessing(SIDE, SIDE, MEAN, STD, "bilinear")
    backbone = VisionBackbone(nn.Sequential(*layers), "toy", preprocessing)
    nobody: Any = None
    return Attacked(Network(backbone, nn.Linear(width, 2)).eval(), nobody, loss)


def images(count: int, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (count, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
    return {"pixels": pixels, "targets": torch.randint(0, 2, (count,), generator=generator)}


def under(name: str, model: Attacked, batch: Batch, *epsilons: int) -> list[Tensor]:
    seeds = range(len(batch["targets"]))
    return [one["pixels"] for one in attack(name, model, batch, epsilons, seeds)]


@pytest.fixture(scope="module")
def network() -> Attacked:
    """A small network that learnt a rule which is not linear: whether the red and the blue pixels differ in sign."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = attacked(nn.Flatten(), nn.Linear(SIZE, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), width=16)
        batch = images(400, seed=1)
        bright = batch["pixels"].float().mean((2, 3)) - 127.5  # (B, 3)
        batch["targets"] = (bright[:, 0] * bright[:, 2] > 0).long()
        optimizer = torch.optim.Adam(model.network.parameters(), lr=1e-2)
        for _ in range(150):
            optimizer.zero_grad()
            torch.autograd.backward(model.loss_of(batch))
            optimizer.step()
    assert float(model.loss_of(batch).detach()) < 0.1
    return model


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
def test_against_a_linear_model_the_answer_is_known(name: str) -> None:
    """Its loss rises fastest where each pixel goes against the slope of the right class, to the end of what it may.

    Reference: numpy, from the formula, with the normalisation written out.
    """
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = attacked(nn.Flatten(), width=SIZE)
    batch = images(6)
    pixels, targets = batch["pixels"].numpy().astype(np.float64), batch["targets"].numpy()
    weight, bias = (one.detach().numpy().astype(np.float64) for one in model.network.head.parameters())
    slope = (weight[1] - weight[0]).reshape(3, SIDE, SIDE) / (255 * np.array(STD)[:, None, None])
    for epsilon, found in zip((3, 40), under(name, model, batch, 3, 40), strict=True):
        sign = np.where(targets == 1, -1, 1)[:, None, None, None] * np.sign(slope)
        expected = np.clip(pixels + epsilon * sign, 0, 255)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-3)
        normalised = (expected / 255 - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]
        logits = normalised.reshape(6, -1) @ weight.T + bias
        margin = logits[np.arange(6), targets] - logits[np.arange(6), 1 - targets]
        losses = each_loss(model, {"pixels": found, "targets": batch["targets"]})
        np.testing.assert_allclose(losses.numpy(), np.log1p(np.exp(-margin)), rtol=1e-4)


@pytest.mark.parametrize("name", ["fgsm", "pgd"])
@given(epsilon=st.integers(0, 60), seed=st.integers(0, 1000))
def test_every_pixel_stays_in_the_ball_and_in_the_valid_range(
    network: Attacked, name: str, epsilon: int, seed: int
) -> None:
    batch = images(5, seed)
    before = {key: tensor.clone() for key, tensor in batch.items()}
    (found,) = under(name, network, batch, epsilon)
    assert float((found - batch["pixels"].float()).abs().max()) <= epsilon + 1e-4
    assert float(found.min()) >= 0
    assert float(found.max()) <= 255
    assert all(torch.equal(before[key], batch[key]) for key in batch), "the batch itself stays as it is"


def test_epsilon_0_changes_nothing(network: Attacked) -> None:
    batch = images(5)
    for name in ("fgsm", "pgd"):
        (found,) = under(name, network, batch, 0)
        assert torch.equal(found, batch["pixels"].float())


def test_pgd_finds_at_least_what_fgsm_finds_and_both_raise_the_loss(network: Attacked) -> None:
    batch = images(200, seed=2)
    clean = each_loss(network, batch)
    for epsilon in (1, 4, 16):
        fgsm, pgd = (
            each_loss(network, batch | {"pixels": under(name, network, batch, epsilon)[0]}) for name in ("fgsm", "pgd")
        )
        assert float(pgd.mean()) >= float(fgsm.mean()) > float(clean.mean())


def test_more_epsilon_is_more_loss(network: Attacked) -> None:
    batch = images(100, seed=3)
    losses = [
        float(each_loss(network, batch | {"pixels": one}).mean()) for one in under("pgd", network, batch, 1, 2, 4, 8)
    ]
    assert losses == sorted(losses)


def test_the_same_seeds_are_the_same_bits_and_an_example_does_not_depend_on_the_others(network: Attacked) -> None:
    batch = images(6)
    one, again = under("pgd", network, batch, 8)[0], under("pgd", network, batch, 8)[0]
    assert torch.equal(one, again)
    some = {key: tensor[2:3] for key, tensor in batch.items()}
    (alone,) = attack("pgd", network, some, [8], [2])
    # The mean over fewer examples has a larger gradient of the same sign.
    assert torch.allclose(alone["pixels"][0], one[2], atol=1e-3)
    (other,) = attack("pgd", network, some, [8], [3])
    assert not torch.equal(other["pixels"], alone["pixels"]), "another seed starts elsewhere"
