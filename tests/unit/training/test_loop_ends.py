"""How a training ends: after all epochs, early, or because something is no number; and which weights are kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from finetrail.errors import NonFiniteError
from finetrail.evaluation.scores.metric import Point
from finetrail.inference.predict import Kept
from finetrail.models.network import Batch, Network
from finetrail.models.weights import load_tensors
from finetrail.targets.classes.losses import cross_entropy
from finetrail.targets.learning import Loss
from tests.unit.training.toys import new_model, train


def scripted(model: Network, values: list[float]) -> tuple[Callable[[Kept], Point], list[dict[str, Tensor]]]:
    """A score that says `values` one after the other, and the weights that it saw."""
    seen: list[dict[str, Tensor]] = []

    def say(kept: Kept) -> Point:
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return {"macro_f1": values[len(seen) - 1]}

    return say, seen


@pytest.mark.parametrize(
    ("values", "patience", "epochs", "best"),
    [
        ([0.5, 0.9, 0.8, 0.7, 0.95, 0.1], 2, 4, 2),
        ([0.5, 0.9, 0.8, 0.9, 0.95, 0.1], 3, 6, 5),
        ([0.9, 0.9, 0.9, 0.9, 0.9, 0.9], 1, 2, 1),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 1, 6, 6),
        ([0.9, 0.2, 0.3, 0.4, 0.5, 0.6], None, 6, 1),
    ],
)
def test_training_stops_when_it_gets_no_better_and_keeps_the_best_weights(
    tmp_path: Path, values: list[float], patience: int | None, epochs: int, best: int
) -> None:
    model = new_model()
    say, seen = scripted(model, values)
    run = train(tmp_path, model=model, epochs=6, patience=patience, score=say)
    assert (run.fitted.epochs, run.fitted.best_epoch, run.fitted.best) == (epochs, best, values[best - 1])
    assert len(run.fitted.val_curve) == epochs
    assert all(torch.equal(run.weights[name], seen[best - 1][name]) for name in seen[0])


def broken(at: int, value: float) -> Loss:
    """A loss that is `value` from one call on."""
    calls = iter(range(1, 10**6))

    def loss(logits: Tensor, batch: Batch) -> Tensor:
        return cross_entropy()(logits, batch) * (value if next(calls) >= at else 1.0)

    return loss


@pytest.mark.parametrize("log_every", [1, 5, 100])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_training_and_names_the_step(
    tmp_path: Path, log_every: int, value: float
) -> None:
    model = new_model()
    say, seen = scripted(model, [0.9, 0.5])
    message = (
        rf"^the loss is {value} at step 8 \(examples example-\d+, .*, example-\d+ and 8 more\), learning rate 0\.0\d+; "
    )
    with pytest.raises(NonFiniteError, match=message) as caught:
        # 6 steps an epoch
        train(tmp_path, epochs=3, batch_size=16, log_every=log_every, model=model, loss=broken(8, value), score=say)
    (best,) = tmp_path.glob("best-*.safetensors")
    assert str(caught.value).endswith(f"; the best weights, of step 6, are in {best}")
    kept = load_tensors(best)
    assert all(torch.equal(kept[name], seen[0][name]) for name in seen[0])


def steep(logits: Tensor, batch: Batch) -> Tensor:
    return cross_entropy()(logits, batch) + (logits.sum() * 0).sqrt()  # + 0, with a slope of 0 / 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": broken(2, float("nan")), "batch_size": 16}, "the loss is nan at step 2"),
        ({"loss": steep}, "the gradient's norm is nan at step 1"),
        # The only step ruins the weights, after its loss and gradient were fine.
        ({"optimizer": "sgd", "learning_rate": 1e39}, "the validation loss is nan after step 1"),
    ],
)
def test_weights_that_are_no_numbers_are_never_kept(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(
        NonFiniteError, match=rf"^{message}.*; lower train\.learning_rate, .*; no evaluation came before$"
    ):
        train(tmp_path, **({"epochs": 1, "batch_size": 96} | settings))
    assert not list(tmp_path.glob("*.safetensors"))
