"""What a regression learns: standardised numbers, which the head takes back in the end."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from finetrail.errors import TrainingError
from finetrail.inference.features import Features
from finetrail.models.inputs import NO_CHANGES
from finetrail.models.network import Network
from finetrail.targets.learning import Loss
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.numbers.codec import NumberCodec
from finetrail.targets.numbers.learning import NumberLearning
from finetrail.targets.numbers.losses import distance
from finetrail.targets.numbers.settings import NumberTraining

MSE = NumberTraining()
LABELS = [12.5, 10.0, 11.0, 19.5, 7.0]


class Same(nn.Module):
    """A backbone that gives back what it gets."""

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return batch["x"]


def new_model(learning: NumberLearning, width: int = 6) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Network(Same(), learning.head(width))


def examples(*rows: int) -> Features:
    """Examples that are of these rows."""
    return Features(torch.zeros(len(rows), 1), rows)


def targets_of(learning: NumberLearning, labels: list[float]) -> NDArray[np.float32]:
    targets: NDArray[np.float32] = learning.encode(labels, examples(*range(len(labels)))).values.numpy()
    assert targets.dtype == np.float32
    return targets


def test_the_targets_of_the_training_labels_are_standardised() -> None:
    learning = NUMBERS.learn(LABELS, MSE)
    targets = targets_of(learning, LABELS)
    assert (targets.mean(), targets.std()) == pytest.approx((0, 1), abs=1e-6)
    # Others by the same mean and deviation: nothing of the validation rows is known in training.
    assert targets_of(learning, [12.0])[0] == pytest.approx(0)
    described = learning.codec.described()
    assert described == {"mean": 12.0, "std": pytest.approx(np.std([12.5, 10, 11, 19.5, 7])), "half_widths": []}
    assert learning.codec.outputs == ["prediction"]


def test_a_target_goes_with_every_example_of_its_row() -> None:
    learning = NUMBERS.learn([0.0, 2.0], MSE)
    targets = learning.encode([0.0, 2.0], examples(1, 1, 0))
    assert len(targets) == 3
    assert targets.values.tolist() == [1.0, 1.0, -1.0]


@given(st.floats(-1e4, 1e4), st.floats(0.1, 1e4))
def test_the_folded_head_says_what_the_standardised_one_said_in_the_unit_of_the_labels(mean: float, std: float) -> None:
    learning = NUMBERS.learn([mean + std * value for value in (-1.0, 0.0, 1.0)], MSE)
    described = learning.codec.described()
    model = new_model(learning)
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
    learning, rows = NUMBERS.learn(LABELS, MSE), examples(*range(5))
    outputs = np.array([[0.5], [-1.0], [0.1], [2.0], [-2.0]], dtype=np.float32)
    said = learning.score(outputs, rows, LABELS)
    mean, std = learning.codec.mean, learning.codec.std
    served = (outputs * std + mean).astype(np.float32)
    assert learning.score(served, rows, LABELS, finished=True) == pytest.approx(said, rel=1e-5)
    actual = np.array(LABELS)
    assert said["rmse"] == pytest.approx(np.sqrt(((outputs[:, 0] * std + mean - actual) ** 2).mean()))
    assert said["loss"] == pytest.approx(((outputs[:, 0] - targets_of(learning, LABELS)) ** 2).mean())
    assert list(said)[-1] == "rmse"


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ([3.0, 3.0, 3.0], r"all 3 training rows have the label 3: there is nothing to learn; add rows with other"),
        ([1e12, 1000000000001.0], r"training labels vary by 0\.5 around 1e\+12.*float32; subtract a constant"),
    ],
)
def test_labels_without_spread_are_refused(labels: list[float], match: str) -> None:
    with pytest.raises(TrainingError, match=match):
        NUMBERS.learn(labels, MSE)


@pytest.mark.parametrize(
    ("refused", "mended"),
    [
        ([1e12, 1000000000001.0], [label - 1e12 for label in (1e12, 1000000000001.0)]),
        ([-1e300, 1e300], [label / 1e300 for label in (-1e300, 1e300)]),
        ([3.0, 3.0, 3.0], [3.0, 3.0, 3.0, 4.0]),
    ],
)
def test_what_the_errors_advise_makes_labels_that_can_be_learnt(refused: list[float], mended: list[float]) -> None:
    with pytest.raises(TrainingError):
        NUMBERS.learn(refused, MSE)
    assert NUMBERS.learn(mended, MSE).codec.described()["std"] > 0


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (NumberTraining(), distance("mse")),
        (NumberTraining(loss="mae", metric="mae"), distance("mae")),
        (NumberTraining(loss="huber", huber_delta=0.5), distance("huber", 0.5)),
    ],
)
def test_the_loss_is_the_one_that_the_settings_name_in_training_and_in_scoring(
    settings: NumberTraining, expected: Loss
) -> None:
    learning, rows = NUMBERS.learn(LABELS, settings), examples(*range(5))
    outputs = torch.tensor([[0.5], [-1.0], [0.1], [2.0], [-2.0]])
    batch = learning.encode(LABELS, rows).batch(range(5), NO_CHANGES)
    value = float(expected(outputs, batch))
    assert float(learning.loss(settings, LABELS)(outputs, batch)) == value
    assert learning.score(outputs.numpy(), rows, LABELS)["loss"] == value


def test_a_model_that_was_saved_is_told_by_its_mean_and_deviation() -> None:
    learning = NUMBERS.learn(LABELS, MSE)
    again = NUMBERS.learned(learning.codec.described())
    assert again.codec == learning.codec == NumberCodec(12.0, float(np.std(LABELS)))


def test_intervals_hold_the_actual_number_as_often_as_stated() -> None:
    rng = np.random.default_rng(0)
    actual = rng.normal(size=4000) * 10
    said = (actual + rng.normal(size=4000)).astype(np.float32)[:, None]
    learning = NUMBERS.learn(actual.tolist(), NumberTraining(coverage=0.7))
    fitted = learning.fitted(said[:2000], examples(0), actual[:2000].tolist())
    codec = fitted.codec
    assert [level for level, _ in codec.half_widths] == [0.5, 0.8, 0.9, 0.95]
    assert codec.half_width == pytest.approx(1.036, rel=0.1)  # where a normal error lies in 70% of rows
    answers = codec.say(said[2000:])
    assert list(answers) == list(codec.kinds) == ["prediction", "low", "high"]
    inside = (answers["low"] <= actual[2000:]) & (actual[2000:] <= answers["high"])
    assert inside.mean() == pytest.approx(0.7, abs=0.03)
    assert NUMBERS.codec(json.loads(json.dumps(codec.described()))) == codec
    assert NUMBERS.codec({"mean": 1.0, "std": 2.0}) == NumberCodec(1.0, 2.0)


def test_few_validation_rows_give_the_intervals_that_they_can_and_no_more() -> None:
    learning = NUMBERS.learn(LABELS, MSE)
    said = np.array(LABELS, dtype=np.float32)[:, None] + 1
    assert learning.fitted(said, examples(0), LABELS).codec.half_widths == ((0.5, 1.0), (0.8, 1.0))
    strict = NUMBERS.learn(LABELS, NumberTraining(coverage=0.9))
    with pytest.raises(TrainingError, match=r"^train.coverage is 0.9, which takes at least 9 validation rows, .*5; "):
        strict.fitted(said, examples(0), LABELS)
    loose = NUMBERS.learn(LABELS, NumberTraining(coverage=0.8))
    assert loose.fitted(said, examples(0), LABELS).codec.half_width == 1.0
