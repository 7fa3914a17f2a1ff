"""DPO: loss and gradients are those of the paper on transformers' own logits, and a training is exact."""

import copy
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from finetrail.adaptation.full import Full
from finetrail.adaptation.lora import Lora
from finetrail.inference.predict import predict
from finetrail.models.inputs import Pieced
from finetrail.models.network import parts
from finetrail.progress import quiet
from finetrail.targets.learning import START
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.drawn import Drawn
from finetrail.training.frozen import Remembered
from finetrail.training.outcome import Outcome, carry_out
from finetrail.training.start import with_start
from finetrail.training.steps import Records
from finetrail.training.work import Work
from finetrail.workspace import Workspace
from tests.unit.contents.text.test_causal import weights
from tests.unit.targets.preferences.works import log_probabilities, pairs, small_work, training

__all__ = ["weights"]
ROWS = 6
FULL = Full(method="full")
one_model = pytest.mark.parametrize("weights", ["gpt2"], indirect=True)


def moved(work: Work) -> Any:
    """Move the model from where it began; returns transformers' own as it was."""
    backbone: Any = work.built.model.backbone
    before = copy.deepcopy(backbone.model)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return before


def of_the_paper(policy: Tensor, start: Tensor, beta: float, smoothing: float = 0.0) -> Tensor:
    """Equation 7 of Rafailov et al. (2023), and Mitchell's (2023) for labels that may be wrong; without logsigmoid."""
    chosen, rejected = (policy - start).unbind(1)
    right = 1 / (1 + torch.exp(-beta * (chosen - rejected)))
    return -((1 - smoothing) * torch.log(right) + smoothing * torch.log(1 - right)).mean()


@pytest.mark.parametrize(("beta", "smoothing"), [(0.1, 0.0), (0.7, 0.2)])
def test_loss_and_gradients_are_those_of_the_paper(weights: Path, beta: float, smoothing: float) -> None:
    work = small_work(weights, FULL, beta=beta, label_smoothing=smoothing)
    train = with_start(work, "fp32", quiet).inputs["train"]
    before = moved(work)
    model, tokenizer = work.built.model.eval(), work.built.processor.tokenizer  # type: ignore[attr-defined]
    loss = work.built.learning.loss(work.candidate.train, pairs(ROWS))
    batch = train.batch(range(ROWS))
    found = loss(model(batch), batch)
    found.backward()  # type: ignore[no-untyped-call]
    gradients = [parameter.grad for parameter in model.parameters()]
    own: Any = copy.deepcopy(model.backbone)
    own.model.zero_grad()
    with torch.no_grad():
        start = log_probabilities(before, tokenizer, ROWS)
    expected = of_the_paper(log_probabilities(own.model, tokenizer, ROWS), start, beta, smoothing)
    expected.backward()  # type: ignore[no-untyped-call]
    assert torch.allclose(batch[START], start, atol=1e-4)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    for one, other in zip(gradients, own.parameters(), strict=True):
        assert one is not None
        assert torch.allclose(one, other.grad, atol=1e-5)


@one_model
@pytest.mark.parametrize("adaptation", [FULL, Lora(method="lora", r=4, alpha=8)], ids=["full", "lora"])
def test_a_training_begins_where_it_compares_itself(weights: Path, adaptation: Any) -> None:
    work = small_work(weights, adaptation)
    train = with_start(work, "fp32", quiet).inputs["train"]
    batch = train.batch(range(ROWS))
    loss = work.built.learning.loss(work.candidate.train, pairs(ROWS))
    assert loss(work.built.model.train()(batch), batch).item() == pytest.approx(np.log(2), abs=1e-6)


@one_model
def test_the_loss_is_the_same_however_a_batch_is_divided(weights: Path) -> None:
    work = small_work(weights, FULL)
    train = with_start(work, "fp32", quiet).inputs["train"]
    moved(work)
    batch, model = train.batch(range(ROWS)), work.built.model.eval()
    loss = work.built.learning.loss(work.candidate.train, pairs(ROWS))
    whole = loss(model(batch), batch).item()
    for most in (1, 3, 4):
        divided = parts(batch, most)
        found = sum(loss(model(one), one).item() * len(one[START]) / ROWS for one in divided)
        assert found == pytest.approx(whole, rel=1e-5)


@one_model
def test_rewards_are_what_the_model_has_gained_on_each_pair(weights: Path) -> None:
    work = small_work(weights, FULL, beta=0.3)
    val = with_start(work, "fp32", quiet).scored
    before = moved(work)
    model, tokenizer = work.built.model.eval(), work.built.processor.tokenizer  # type: ignore[attr-defined]
    learning, labels = work.built.learning, work.rows.labels["val"]
    kept = predict(model, val, learning.keep, 4)
    scored = learning.score(kept, work.inputs["val"], labels)
    own: Any = model.backbone
    with torch.no_grad():
        gained = 0.3 * (log_probabilities(own.model, tokenizer, 4) - log_probabilities(before, tokenizer, 4))
    chosen, rejected = gained.double().unbind(1)
    assert scored["reward_margin"] == pytest.approx((chosen - rejected).mean().item(), abs=1e-4)
    assert scored["reward_accuracy"] == (chosen > rejected).double().mean().item()
    assert scored["loss"] == pytest.approx(-torch.log(torch.sigmoid(chosen - rejected)).mean().item(), abs=1e-5)
    rewards = learning.fitted(kept, work.inputs["val"], labels).codec.described()["rewards"]
    assert rewards["reward_margin"][0] == scored["reward_margin"]
    assert rewards["reward_margin"][1] < scored["reward_margin"] < rewards["reward_margin"][2]
    plain = predict(model, work.built.processor.encode([[{"role": "user", "content": "good"}]]), learning.keep, 4)
    assert len(learning.answers(plain, work.inputs["val"]).texts) == 1, "without pairs, it only answers"


@one_model
def test_a_model_is_compared_in_the_precision_that_it_answers_in_and_computed_once(weights: Path) -> None:
    work, remembered = small_work(weights, FULL), Remembered()
    exact = with_start(work, "fp32", quiet)
    assert exact.scored is exact.inputs["val"]
    fed = with_start(work, "bf16", quiet, remembered)
    rounded, scored, known = (one.batch(range(4))[START] for one in (fed.inputs["val"], fed.scored, exact.scored))
    assert torch.equal(scored, known)
    assert not torch.equal(rounded, known)
    assert torch.allclose(rounded, known, rtol=0.05)
    again = with_start(work, "bf16", quiet, remembered)
    assert all(again.inputs[split] is fed.inputs[split] for split in fed.inputs)
    drawn = replace(work, inputs=work.inputs | {"train": Drawn(work.inputs["train"], [4, 1])})
    some = with_start(drawn, "bf16", quiet, remembered).inputs["train"].batch([0, 1])
    assert torch.equal(some[START], fed.inputs["train"].batch([4, 1])[START])


class CutError(Exception):
    """What stands for a crash; see tests/unit/training/test_killed.py for real ones."""


def outcome(weights: Path, folder: Path, adaptation: Any, cut: int = 0) -> Outcome:
    """A training that goes on from its checkpoints. Args: cut: the step after which it is cut off; 0: never."""

    def observe(curve: str, step: int, point: Any) -> None:
        if curve == "train" and step == cut:
            raise CutError

    work = small_work(weights, adaptation, epochs=2, learning_rate=1e-2)
    checkpoints = Checkpoints(folder / "checkpoints")
    return carry_out(work, Records(checkpoints, observe, checkpoints.newest()), Workspace(folder))


@one_model
def test_a_training_that_is_cut_off_ends_as_one_that_was_not(weights: Path, tmp_path: Path) -> None:
    whole = outcome(weights, tmp_path / "whole", FULL)
    assert whole.metrics["val"]["reward_accuracy"] > 0.5
    assert whole.fitted.step == 4
    for cut in (1, 3):
        with suppress(CutError):
            outcome(weights, tmp_path / "cut", FULL, cut)
    found = outcome(weights, tmp_path / "cut", FULL)
    assert found.metrics == whole.metrics
    assert (found.fitted.train_curve, found.fitted.val_curve) == (whole.fitted.train_curve, whole.fitted.val_curve)
    for name, tensor in whole.built.model.state_dict().items():
        assert torch.equal(tensor, found.built.model.state_dict()[name])


@one_model
def test_pairs_that_the_cut_makes_equal_are_counted(weights: Path, caplog: pytest.LogCaptureFixture) -> None:
    work = small_work(weights, FULL)
    same = [{"chosen": "good " * 30 + "house", "rejected": "good " * 30 + "river"}, *pairs(1)]
    asked = [[{"role": "user", "content": "good"}]] * 2
    work.built.learning.encode(same, work.built.processor.encode(asked))
    assert "1 of 2 pairs have the same tokens as both answers, and teach nothing; raise backbone" in caplog.text
    inputs = work.built.processor.encode(asked)
    shown = inputs.labelled(work.built.learning.encode(same, inputs))
    assert isinstance(shown, Pieced)
    assert [learnt for _, learnt in shown.pieces(0)] == [False, False]
    (asked_for, _), (chosen, learnt), (instead, other) = shown.pieces(1)
    assert (learnt, other) == (True, False)
    assert (chosen, instead) == ("good</s>", "\ninstead of: weak</s>"), asked_for
    longer = work.built.processor.writing  # type: ignore[attr-defined]
    assert longer.tokens([same[0]["chosen"]]) == longer.tokens([same[0]["rejected"]])


def test_what_cannot_be_compared_is_refused_in_a_line() -> None:
    with pytest.raises(ValidationError, match="which fsdp has divided by then; set fsdp to false"):
        training(fsdp=True, processes=2)
    assert training(fsdp=False, processes=2).loss == "dpo"
