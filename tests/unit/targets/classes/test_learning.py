"""What a classifier learns: numbers for its classes, and a loss of them."""

import numpy as np
import pytest
import torch

from finetrail.inference.features import Features
from finetrail.models.inputs import NO_CHANGES, Changes
from finetrail.targets.classes import CLASSES
from finetrail.targets.classes.losses import class_weights, cross_entropy, focal
from finetrail.targets.classes.settings import ClassTraining
from finetrail.targets.learning import Loss

LABELS = ["b", "a", "b", "c"]
LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5], [-1.0, 3.0, 0.0], [1.0, 2.0, 3.0]])
NUMBERS = np.array([1, 0, 1, 2])


def examples(*rows: int) -> Features:
    """Examples that are of these rows."""
    return Features(torch.zeros(len(rows), 1), rows)


def test_classes_are_numbered_in_their_order() -> None:
    learning = CLASSES.learn(["b", "a", "b"], ClassTraining())
    assert learning.codec.outputs == ["a", "b"]
    assert learning.encode(["b", "a"], examples(0, 1)).values.tolist() == [1, 0]
    assert learning.codec.described() == {"labels": ["a", "b"], "temperature": 1.0}
    assert CLASSES.learned(learning.codec.described()).codec == learning.codec


def test_the_head_has_an_output_for_each_class() -> None:
    head = CLASSES.learn(LABELS, ClassTraining()).head(5)
    assert head(torch.zeros(2, 7, 5)).shape == (2, 7, 3)


def test_a_target_goes_with_every_example_of_its_row() -> None:
    targets = CLASSES.learn(LABELS, ClassTraining()).encode(["c", "a"], examples(1, 0, 0))
    assert len(targets) == 3
    assert targets.batch([0, 1, 2], NO_CHANGES)["targets"].tolist() == [0, 2, 2]


def test_a_mixed_batch_bears_the_targets_of_both() -> None:
    targets = CLASSES.learn(LABELS, ClassTraining()).encode(LABELS, examples(0, 1, 2, 3))
    share = torch.tensor([0.25, 1.0])
    batch = targets.batch([3, 1], Changes(partner=torch.tensor([1, 0]), share=share))
    assert (batch["targets"].tolist(), batch["targets_of_partner"].tolist()) == ([2, 0], [0, 2])
    assert batch["targets_share"] is share


WEIGHTS, EFFECTIVE = class_weights("balanced", NUMBERS, 3), class_weights("effective", NUMBERS, 3)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (ClassTraining(), cross_entropy()),
        (ClassTraining(label_smoothing=0.1, class_weights="balanced"), cross_entropy(0.1, WEIGHTS)),
        (ClassTraining(class_weights="effective"), cross_entropy(0.0, EFFECTIVE)),
        (ClassTraining(loss="focal"), focal(2.0)),
        (
            ClassTraining(loss="focal", focal_gamma=0.5, label_smoothing=0.1, class_weights="balanced"),
            focal(0.5, 0.1, WEIGHTS),
        ),
    ],
)
def test_the_loss_is_the_one_that_the_settings_name(settings: ClassTraining, expected: Loss) -> None:
    batch = {"targets": torch.from_numpy(NUMBERS)}
    learning = CLASSES.learn(LABELS, settings)
    assert float(learning.loss(settings, LABELS)(LOGITS, batch)) == float(expected(LOGITS, batch))


def test_the_score_is_the_plain_cross_entropy_whatever_was_trained_by() -> None:
    settings = ClassTraining(loss="focal", label_smoothing=0.1, class_weights="balanced")
    learning = CLASSES.learn(LABELS, settings)
    found = learning.score(LOGITS.numpy(), examples(0, 1, 2, 3), LABELS)
    assert found["loss"] == pytest.approx(float(cross_entropy()(LOGITS, {"targets": torch.from_numpy(NUMBERS)})))
    assert list(found) == ["loss", *(metric.name for metric in CLASSES.metrics)]
    assert found["accuracy"] == 0.75
