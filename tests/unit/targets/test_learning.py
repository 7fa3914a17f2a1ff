"""What training makes of labels: class numbers, or standardised numbers that the head takes back in the end."""

import numpy as np
import pytest
import torch
from finetrail.targets.learning import learn
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from finetrail.errors import TrainingError
from finetrail.models.network import Network
from finetrail.training.settings import Training

MSE = Training(loss="mse", metric="rmse")
LABELS = ["12.5", "10", "11", "19.5", "7"]


class Same(nn.Module):
    """A backbone that gives back what it gets."""

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return batch["x"]


def new_model(width: int = 6) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network(Same(), width, 1)


def test_the_targets_of_the_training_labels_are_standardised() -> None:
    learning = learn("regression", LABELS, MSE)
    targets = learning.targets(LABELS)
    assert targets.dtype == np.float32
    assert (targets.mean(), targets.std()) == pytest.approx((0, 1), abs=1e-6)
    # Others by the same mean and deviation: nothing of the validation rows is known in training.
    assert learning.targets(["12"])[0] == pytest.approx(0)
    assert learning.described() == {"target": {"mean": 12.0, "std": pytest.approx(np.std([12.5, 10, 11, 19.5, 7]))}}
    assert learning.outputs == ["prediction"]


@given(st.floats(-1e4, 1e4), st.floats(0.1, 1e4))
def test_the_folded_head_says_what_the_standardised_one_said_in_the_unit_of_the_labels(mean: float, std: float) -> None:
    labels = [repr(mean + std * value) for value in (-1.0, 0.0, 1.0)]
    learning = learn("regression", labels, MSE)
    described = learning.described()["target"]
    model = new_model()
    batch = {"x": torch.randn(20, 6, generator=torch.Generator().manual_seed(1))}
    with torch.no_grad():
        before = model(batch).numpy()
        learning.finish(model)
        after = model(batch).numpy()
    scale = abs(described["mean"]) + described["std"]
    np.testing.assert_allclose(
        after, before.astype(np.float64) * described["std"] + described["mean"], atol=1e-6 * scale
    )


def test_the_finished_model_scores_as_the_one_in_training_did() -> None:
    learning = learn("regression", LABELS, MSE)
    outputs = np.array([[0.5], [-1.0], [0.1], [2.0], [-2.0]], dtype=np.float32)
    targets = learning.targets(LABELS)
    said = learning.score(outputs, targets)
    mean, std = learning.described()["target"].values()
    assert learning.score_finished((outputs * std + mean).astype(np.float32), targets) == pytest.approx(said, rel=1e-5)
    actual = np.array([float(label) for label in LABELS])
    assert said["rmse"] == pytest.approx(np.sqrt(((outputs[:, 0] * std + mean - actual) ** 2).mean()))
    assert said["loss"] == pytest.approx(((outputs[:, 0] - targets) ** 2).mean())
    assert list(said)[-1] == "rmse"


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (["3", "3.0", "3"], r"all 3 training rows have the label 3: there is nothing to learn; add rows with other"),
        (["1e12", "1000000000001"], r"training labels vary by 0\.5 around 1e\+12.*float32; subtract or divide by"),
    ],
)
def test_labels_without_spread_are_refused(labels: list[str], match: str) -> None:
    with pytest.raises(TrainingError, match=match):
        learn("regression", labels, MSE)


def test_classes_are_numbered_in_their_order() -> None:
    learning = learn("single_label_classification", ["b", "a", "b"], Training(class_weights="balanced"))
    assert learning.outputs == ["a", "b"]
    assert learning.targets(["b", "a"]).tolist() == [1, 0]
    weights = learning.loss_options(learning.targets(["b", "a", "b"])).class_weights
    assert weights is not None
    assert weights.tolist() == pytest.approx([1.5, 0.75])
    assert learning.described() == {"labels": ["a", "b"]}
