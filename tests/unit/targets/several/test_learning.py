"""What several targets learn: each as its kind alone would, from the rows that have a label of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import TrainingError
from finetrail.inference.device import Machine, build_accelerator
from finetrail.inference.features import Features
from finetrail.inference.feeding import Examples
from finetrail.models.inputs import Changes
from finetrail.models.network import Network
from finetrail.targets.learning import Loss
from finetrail.targets.several.heads import Balanced
from finetrail.targets.several.losses import OfRows, by_gradients
from finetrail.targets.several.parts import known
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.fitted import Fitted
from finetrail.training.loop import fit
from finetrail.training.settings import Training
from finetrail.training.steps import Objective, Records
from tests.unit.conftest import NEGATIVE, NEUTRAL, POSITIVE
from tests.unit.targets.several.rows import FULL, KINDS, LABELS, TARGET, TASK, answers, batch_of, learn, settings

OWN: dict[str, Any] = {"targets": {"topic": {"class_weights": "balanced"}, "stars": {"loss": "huber"}}}


def alone(name: str, outputs: torch.Tensor, **given: Any) -> torch.Tensor:
    """The loss of one target as its own kind has it, on the rows that have a label of it."""
    places, labels = known(LABELS, name)
    of_kind, asked = TARGET.targets[name], getattr(settings(**given).targets, name)
    learning = of_kind.learn(labels, asked)
    inputs = Features(torch.zeros(len(labels), 1), range(len(labels)))
    batch = learning.encode(labels, inputs).batch(range(len(labels)), Changes())
    found: torch.Tensor = learning.loss(asked, labels)(outputs[places][:, learn().codec.places[name]], batch)
    return found


def test_the_loss_is_the_sum_of_what_each_kind_loses_on_the_rows_that_have_its_label() -> None:
    learning, outputs = learn(**OWN), torch.from_numpy(answers(len(LABELS)))
    batch = batch_of(learning, LABELS)
    expected = {name: alone(name, outputs, **OWN) for name in KINDS}
    torch.testing.assert_close(learning.loss(settings(**OWN), LABELS)(outputs, batch), sum(expected.values()))
    for name in KINDS:
        one = learn(only=name, metric=_lead(name), **OWN)
        loss = one.loss(settings(only=name, metric=_lead(name), **OWN), LABELS)
        torch.testing.assert_close(loss(outputs, batch), expected[name])


def _lead(name: str) -> str:
    return {"stars": "stars.r2", "tags": "tags.macro_f1", "topic": "topic.macro_f1"}[name]


def test_what_has_no_label_has_no_gradient_and_two_small_batches_are_as_one() -> None:
    learning, outputs = learn(), torch.from_numpy(answers(len(LABELS))).requires_grad_()
    loss = learning.loss(settings(), LABELS)
    loss(outputs, batch_of(learning, LABELS)).backward()  # type: ignore[no-untyped-call]
    whole = outputs.grad
    assert whole is not None
    for name, place in learning.codec.places.items():
        moved = (whole[:, place] != 0).any(dim=1).tolist()
        assert moved == [label[name] is not None for label in LABELS], name
    outputs.grad = None
    for rows in ([0, 1, 2], [3, 4, 5]):
        (loss(outputs[rows], batch_of(learning, LABELS, rows)) / 2).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(outputs.grad, whole)


def test_a_batch_without_any_label_of_a_target_is_no_fault() -> None:
    learning, outputs = learn(), torch.from_numpy(answers(1)).requires_grad_()
    loss = learning.loss(settings(), LABELS)(outputs, batch_of(learning, LABELS, [4]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None
    assert outputs.grad[0, :3].tolist() == [0, 0, 0]
    only_topics = [{"topic": "x", "stars": None, "tags": None}]
    assert torch.isfinite(learning.loss(settings(), LABELS)(outputs, batch_of(learning, only_topics)))


def test_a_mixed_example_counts_where_both_have_a_label() -> None:
    learning, outputs = learn(), torch.from_numpy(answers(2)).requires_grad_()
    inputs = Features(torch.zeros(len(LABELS), 1), range(len(LABELS)))
    changes = Changes(partner=torch.tensor([1, 0]), share=torch.tensor([0.7, 0.7]))
    batch = learning.encode(LABELS, inputs).batch([0, 3], changes)  # the second has no topic
    learning.loss(settings(), LABELS)(outputs, batch).backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None
    assert not outputs.grad[:, 3:].any()
    assert outputs.grad[:, :3].all()


def test_uncertainty_weighs_each_loss_by_the_variance_in_the_head() -> None:
    learning = learn(FULL, loss="uncertainty")
    head: Any = learning.head(4)
    features = torch.randn(len(FULL), 4)
    with torch.no_grad():
        head.logarithms.copy_(torch.tensor([0.5, -1.0, 2.0]))
    outputs, batch = head(features), batch_of(learning, FULL)
    assert outputs.shape == (4, 6 + 3)
    loss = learning.loss(settings(loss="uncertainty"), FULL)(outputs, batch)
    each = [
        learn(FULL, only=name, metric=_lead(name)).loss(settings(only=name, metric=_lead(name)), FULL)(outputs, batch)
        for name in KINDS
    ]
    weights = torch.exp(-head.logarithms)
    torch.testing.assert_close(loss, (weights * torch.stack(each) + head.logarithms / 2).sum())
    loss.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(head.logarithms.grad, 0.5 - weights * torch.stack(each).detach())


def test_gradnorm_pulls_each_target_towards_the_same_gradient_at_the_features() -> None:
    asked = {"loss": "gradnorm", "asymmetry": 0.7}
    learning = learn(FULL, **asked)
    head: Any = learning.head(4)
    with torch.no_grad():
        head.logarithms.copy_(torch.tensor([0.5, -1.0, 2.0]))
    features, batch = torch.randn(len(FULL), 4, requires_grad=True), batch_of(learning, FULL)
    outputs = head(features)
    assert outputs.shape == (4, 6 + 3 + 3)
    weights = 3 * head.logarithms.detach().softmax(dim=0)
    each, at_first = (
        torch.stack(
            [
                learn(FULL, only=one, metric=_lead(one)).loss(settings(only=one, metric=_lead(one)), FULL)(of, batch)
                for one in KINDS
            ]
        )
        for of in (outputs, torch.zeros_like(outputs))
    )
    pulls = [torch.autograd.grad(w * one, features, retain_graph=True)[0] for w, one in zip(weights, each, strict=True)]
    of_head = torch.autograd.grad((weights * each).sum(), head.weight, retain_graph=True)[0]
    loss = learning.loss(settings(**asked), FULL)(outputs, batch)
    torch.testing.assert_close(loss, (weights * each).sum())
    loss.backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(features.grad, sum(pulls))
    torch.testing.assert_close(head.weight.grad, of_head)
    norms, rates = torch.stack([pull.norm() for pull in pulls]), (each / at_first).detach()
    aims = norms.mean() * (rates / rates.mean()) ** 0.7
    torch.testing.assert_close(head.logarithms.grad, (norms - aims).sign() * norms)


@pytest.mark.parametrize("asymmetry", [0.0, 1.0])
def test_gradnorm_makes_up_for_a_loss_that_is_a_hundred_times_as_large(asymmetry: float) -> None:
    torch.manual_seed(0)
    scales, features = {"loud": 100.0, "low": 1.0}, torch.randn(8, 4, requires_grad=True)

    def scaled(scale: float) -> Loss:
        return lambda own, _: scale * (own - 1).square().mean()

    parts = {
        name: OfRows(name, scaled(scale), slice(at, at + 1), 1.0) for at, (name, scale) in enumerate(scales.items())
    }
    head = Balanced(torch.nn.Linear(4, 2), [part.place for part in parts.values()], asymmetry)
    batch = {f"targets/{name}/known": torch.ones(8, dtype=torch.bool) for name in parts}
    loss, optimizer = by_gradients(parts, list(parts)), torch.optim.Adam([head.logarithms], lr=0.02)
    for _ in range(400):
        optimizer.zero_grad()
        loss(head(features), batch).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    outputs = head(features)
    losses = torch.stack([part(outputs, batch) for part in parts.values()])
    pulls = torch.stack([torch.autograd.grad(one, features, retain_graph=True)[0].norm() for one in losses])
    rates = (losses / torch.tensor([*scales.values()])).detach()  # with outputs of 0 each loses its scale
    found, expected = head.logarithms.detach().softmax(dim=0) * pulls, rates**asymmetry
    torch.testing.assert_close(found / found.sum(), expected / expected.sum(), rtol=0.05, atol=0)


def test_a_target_without_a_label_in_the_batch_keeps_its_weight_in_gradnorm() -> None:
    learning = learn(loss="gradnorm")
    head: Any = learning.head(4)
    without_stars = batch_of(learning, LABELS, [1])
    loss = learning.loss(settings(loss="gradnorm"), LABELS)
    loss(head(torch.randn(1, 4)), without_stars).backward()  # type: ignore[no-untyped-call]
    stars, tags, topic = head.logarithms.grad.tolist()
    assert stars == 0
    assert tags * topic < 0, "one pulls more than its aim, the other less"


def test_an_asymmetry_that_nothing_reads_is_refused() -> None:
    with pytest.raises(ValueError, match=r"asymmetry is of loss gradnorm, but loss is 'sum'; leave asymmetry out"):
        settings(asymmetry=1.0)


@pytest.mark.parametrize("loss", ["sum", "uncertainty", "gradnorm"])
def test_a_finished_model_is_plain_and_answers_numbers_in_their_unit(loss: str) -> None:
    learning = learn(loss=loss)
    model = Network(torch.nn.Identity(), learning.head(4))
    features = torch.randn(5, 4)
    trained = learning.keep(model({"features": features}).detach(), {})
    learning.finish(model)
    assert set(model.state_dict()) == {"head.weight", "head.bias"}
    finished = learning.keep(model({"features": features}).detach(), {})
    codec: Any = learning.codec.parts["stars"]
    np.testing.assert_allclose(finished[:, 0], trained[:, 0] * codec.std + codec.mean, rtol=1e-5)  # type: ignore[call-overload]
    np.testing.assert_allclose(finished[:, 1:], trained[:, 1:], rtol=1e-6)  # type: ignore[call-overload]
    again = TARGET.learned(learning.codec.described())
    assert type(again.head(4)) is torch.nn.Linear


def test_scores_of_training_are_those_of_the_judge_and_what_validation_decides_is_of_its_rows() -> None:
    learning, kept = learn(), answers(len(LABELS))
    inputs: Any = None
    point = learning.score(kept, inputs, LABELS, finished=True)
    facts = learning.codec.judge.facts(LABELS, kept)
    judged = learning.codec.judge.scores(facts, np.ones((1, len(LABELS)), dtype=np.int64))
    assert set(judged) == set(point) - {"loss"} == {metric.name for metric in TARGET.metrics}
    for name, values in judged.items():
        assert point[name] == pytest.approx(values[0], rel=1e-5), name
    places, topics = known(LABELS, "topic")
    fitted: Any = learning.fitted(kept, inputs, LABELS)
    expected: Any = learning.parts["topic"].fitted(kept[places][:, 3:], inputs, topics)
    assert fitted.codec.parts["topic"] == expected.codec == fitted.parts["topic"].codec


def test_a_target_without_a_training_label_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"none of the 1 training rows has a label of target 'stars': .*; add some"):
        learn([LABELS[4]])
    with pytest.raises(TrainingError, match=r"^target 'stars': all 2 training rows have the label 1"):
        learn([LABELS[0], LABELS[0]])


class CutError(Exception):
    """What stands for a crash."""


TEXTS = [f"{one} {other} {NEUTRAL[0]}" for one in POSITIVE[:4] for other in NEGATIVE[:4]]


def run(backbone: TextBackbone, folder: Path, balance: str, cut: int = 0) -> tuple[Fitted, dict[str, torch.Tensor]]:
    """Train with learned weights. Args: cut: at this step it ends as by a crash; 0: never."""
    labels = [LABELS[row % len(LABELS)] for row in range(len(TEXTS))]
    learning, asked = learn(labels, loss=balance), settings(loss=balance)
    torch.manual_seed(5)
    built = TASK.build(backbone, learning, Path(), ("text",))
    inputs: Any = built.processor.encode(TEXTS)
    inputs = inputs.labelled(learning.encode(labels, inputs))

    def observe(curve: str, step: int, point: Any) -> None:
        if curve == "train" and step == cut:
            raise CutError

    checkpoints = Checkpoints(folder)
    given = {"precision": "fp32", "log_every": 1, "epochs": 3, "batch_size": 4, "checkpoint_seconds": 0}
    fitted = fit(
        built.model,
        {name: Examples(inputs, TEXTS) for name in ("train", "val")},
        Training.model_validate({**given, "learning_rate": 1e-2}),
        objective=Objective(
            learning.loss(asked, labels),
            learning.keep,
            lambda kept: learning.score(kept, inputs, labels),
            TARGET.metrics[-1],
        ),
        machine=Machine(build_accelerator(), "fp32"),
        records=Records(checkpoints, observe, checkpoints.newest()),
        seed=0,
    )
    return fitted, built.model.state_dict()


@pytest.mark.parametrize("balance", ["uncertainty", "gradnorm"])
def test_cut_off_and_taken_up_again_it_ends_with_the_same_bits(
    backbone: TextBackbone, tmp_path: Path, balance: str
) -> None:
    expected, weights = run(backbone, tmp_path / "whole", balance)
    for step in (3, 7):
        with pytest.raises(CutError):
            run(backbone, tmp_path / "cut", balance, step)
    found, same = run(backbone, tmp_path / "cut", balance)
    assert (found.val_curve, found.train_curve) == (expected.val_curve, expected.train_curve)
    assert weights["head.logarithms"].abs().min() > 0, "they trained"
    for name, tensor in weights.items():
        assert torch.equal(tensor, same[name]), name
