"""What methods do between the steps of a training, and that a training that was cut off goes on as it would have."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from finetrail.adaptation.adalora import Adalora
from finetrail.adaptation.adaptive_freeze import AdaptiveFreeze
from finetrail.adaptation.callback import Callback
from finetrail.adaptation.few_shot import FewShot
from finetrail.adaptation.lora import Lora
from finetrail.adaptation.methods import Adaptation
from finetrail.adaptation.prototypes import Prototypes
from finetrail.adaptation.vera import Vera
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError
from finetrail.models.network import Batch, Network
from finetrail.training.candidate import Candidate
from finetrail.training.settings import Training
from tests.unit.models.networks import BUILD
from tests.unit.training.test_resume import CutError, cutting, equal
from tests.unit.training.toys import train

STEPS: dict[str, Any] = {"epochs": 3, "batch_size": 16, "log_every": 4, "checkpoint_seconds": 0}  # 6 an epoch
METHODS: dict[str, Adaptation] = {
    "pissa": Lora(method="lora", r=2, init="pissa"),
    "vera": Vera(method="vera", r=8),
    "adaptive_freeze": AdaptiveFreeze(method="adaptive_freeze", tests=6),
    "thawed": AdaptiveFreeze(method="adaptive_freeze", tests=6, percentile=100, thaw=0.2),
    "adalora": Adalora(method="adalora", r=1, initial_r=3, every=2),
    "few_shot": FewShot(method="few_shot"),
    "prototypes": Prototypes(method="prototypes"),
    "trained prototypes": Prototypes(method="prototypes", then="full"),
}


class DeepLayer(nn.Module):
    """A block of one matrix."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, 8)

    def forward(self, hidden: Tensor) -> Tensor:
        return torch.tanh(self.dense(hidden))


class Deep(nn.Module):
    """A backbone of three blocks on the batch's `x` (B, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([DeepLayer(4), DeepLayer(8), DeepLayer(8)])

    def forward(self, batch: Batch) -> Tensor:
        hidden = batch["x"]
        for layer in self.layers:
            hidden = layer(hidden)
        return hidden


def deep(method: Adaptation | None = None) -> Network:
    torch.manual_seed(7)
    model = Network(Deep(), nn.Linear(8, 3))
    if method is not None:
        method.apply(model)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("cuts", [(3, 9), (15,)])
@pytest.mark.parametrize("name", list(METHODS))
def test_a_training_that_was_cut_off_ends_as_one_that_was_not(name: str, cuts: tuple[int, ...], tmp_path: Path) -> None:
    method = METHODS[name]
    whole = train(tmp_path / "whole", model=deep(method), method=method, **STEPS)
    for at in cuts:
        with pytest.raises(CutError):
            train(tmp_path / "cut", model=deep(method), method=method, resume=True, loss=cutting(at), **STEPS)
    assert equal(train(tmp_path / "cut", model=deep(method), method=method, resume=True, **STEPS), whole)


def stepped(model: Network, callback: Callback, step: int, gradients: tuple[float, ...]) -> list[bool]:
    """Which blocks train after a step in which all gradients of a block are the same number."""
    blocks = list(model.backbone.get_submodule("layers").children())
    for block, gradient in zip(blocks, gradients, strict=True):
        for one in block.parameters():
            one.grad = torch.full_like(one, gradient) if one.requires_grad else None
    callback.after_update(step)
    return [all(one.requires_grad for one in block.parameters()) for block in blocks]


def test_layers_freeze_from_the_input_on_where_gradients_change_least() -> None:
    method = AdaptiveFreeze(method="adaptive_freeze", tests=5, keep=1, thaw=0.2)
    model = deep(method)
    callback = method.callback(model, 10)  # tests after steps 2, 4, 6 and 8
    everything = [True, True, True]
    assert stepped(model, callback, 1, (1, 1, 1)) == everything
    assert stepped(model, callback, 2, (1, 1, 1)) == everything  # nothing to compare with
    assert stepped(model, callback, 3, (1, 3, 1)) == everything
    # The last block changes as little as the first, but the one below it still trains.
    assert stepped(model, callback, 4, (1, 3, 1)) == [False, True, True]
    assert stepped(model, callback, 5, (1, 3, 2)) == [False, True, True]
    assert stepped(model, callback, 6, (1, 3, 2)) == [False, False, True]
    assert callback.state()["frozen"] == 2
    assert not model.backbone.get_submodule("layers.0").training
    assert stepped(model, callback, 8, (1, 3, 2)) == everything  # thawed


def test_a_test_that_finds_every_change_alike_spares_the_top(tmp_path: Path) -> None:
    method = AdaptiveFreeze(method="adaptive_freeze", tests=6, percentile=100)
    model = deep(method)
    train(tmp_path, model=model, method=method, **STEPS)
    trains = [one.requires_grad for one in model.backbone.parameters()]
    assert trains == [False, False, False, False, True, True]


def test_the_ranks_fall_to_their_budget(tmp_path: Path) -> None:
    method, before = METHODS["adalora"], deep().state_dict()
    model = deep(method)
    run = train(tmp_path, model=model, method=method, **STEPS | {"evaluate_every": 100})  # the last weights are kept
    assert run.fitted.best_step == 18
    method.merge(model)
    updates = {name: one - before[name] for name, one in model.state_dict().items() if name.endswith("dense.weight")}
    ranks = [int(torch.linalg.matrix_rank(one, rtol=1e-4)) for one in updates.values()]
    assert len(ranks) == 3
    assert sum(ranks) == 3 * 1
    assert max(ranks) > 0


def test_directions_become_orthogonal(tmp_path: Path) -> None:
    def slant(orthogonal: float) -> float:
        method = Adalora(method="adalora", r=1, initial_r=3, orthogonal=orthogonal)
        model = deep(method)
        train(tmp_path / str(orthogonal), model=model, method=method, **STEPS)
        sides = [one for name, one in model.named_parameters() if "lora_A" in name]
        return sum(float((one @ one.T - torch.eye(3)).detach().norm()) for one in sides)

    assert slant(1.0) < slant(0.0) - 0.5


@pytest.mark.parametrize(
    ("given", "message", "remedy"),
    [
        ({"r": 8, "initial_r": 8}, r"initial_r 8 is not above r 8; raise it, or use method lora", {"initial_r": 9}),
        ({"start": 0.5, "settle": 0.5}, r"leave no step in which ranks fall; lower one of the two", {"settle": 0.4}),
    ],
)
def test_ranks_that_cannot_fall_are_refused(given: dict[str, Any], message: str, remedy: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=message):
        Adalora(method="adalora", **given)
    Adalora(method="adalora", **given | remedy)


def test_shards_are_refused_where_ranks_are_chosen() -> None:
    def candidate(method: str, fsdp: bool) -> Candidate:
        train = Training(processes=2, fsdp=fsdp)
        backbone = TextBackbone(weights="anywhere")
        return Candidate(adaptation={"method": method}, backbone=backbone, train=train)  # type: ignore[arg-type]

    with pytest.raises(ValidationError, match=r"method 'adalora' cannot be sharded; set train.fsdp to false, or use l"):
        candidate("adalora", True)
    candidate("adalora", False)
    candidate("lora", True)


def test_an_auxiliary_loss_is_refused_beside_pairs() -> None:
    def candidate(method: str) -> Candidate:
        given = {"adaptation": {"method": method}, "auxiliary": {"method": "coral", "rows": "new"}}
        return Candidate(**given, backbone=TextBackbone(weights="anywhere"), train=Training())  # type: ignore[arg-type]

    with pytest.raises(
        ValidationError, match=r"method 'few_shot' has a loss of its own.* 'coral'; remove it, or use m"
    ):
        candidate("few_shot")
    candidate("prototypes")


def test_pissa_starts_as_the_model_that_it_is_put_into() -> None:
    before = deep().state_dict()
    model = deep(METHODS["pissa"])
    batch = {"x": torch.randn(5, 4)}
    torch.testing.assert_close(model(batch), deep()(batch))
    weight = before["backbone.layers.1.dense.weight"]
    frozen = model.state_dict()["backbone.base_model.model.layers.1.dense.base_layer.weight"]
    values = torch.linalg.svdvals(weight)
    # The two largest singular values train; the others are left.
    torch.testing.assert_close(torch.linalg.svdvals(frozen)[:6], values[2:], rtol=1e-4, atol=1e-5)
    METHODS["pissa"].merge(model)
    torch.testing.assert_close(model.state_dict()["backbone.layers.1.dense.weight"], weight)


def test_the_matrices_of_vera_are_drawn_with_the_seed_and_never_train() -> None:
    one, same = deep(METHODS["vera"]), deep(METHODS["vera"])
    torch.manual_seed(8)
    other = deep()
    torch.manual_seed(8)
    METHODS["vera"].apply(other)
    first, second, third = ({n: b for n, b in model.named_buffers() if "vera_" in n} for model in (one, same, other))
    assert len(first) >= 2
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(torch.equal(first[name], third[name]) for name in first)
    assert not any("vera_A" in name or "vera_B" in name for name in one.state_dict())


@pytest.mark.parametrize(
    ("method", "message", "remedy"),
    [
        ({"method": "vera"}, r"method is 'vera', but \S+ is not a linear .*use another method, such as lora", {}),
        ({"init": "pissa"}, r"init is 'pissa', but \S+ is not a linear layer.*set init to zero", {"init": "zero"}),
    ],
)
def test_convolutions_are_refused_where_peft_has_nothing_for_them(
    method: dict[str, Any], message: str, remedy: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=message):
        (Vera if "method" in method else Lora)(**{"method": "lora"} | method).apply(BUILD["convolutions"]())
    Lora(**{"method": "lora"} | remedy).apply(BUILD["convolutions"]())
