"""Batches on the way to the device."""

import numpy as np
import pytest
import torch

from finetrail.contents.image.augment.settings import Augment
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.processor import ImageProcessor
from finetrail.inference.feeding import Examples, feed
from finetrail.targets.per_row import RowTargets
from tests.unit.data.image_files import encode, noise_image
from tests.unit.training.test_loop_epochs import shaken
from tests.unit.training.toys import Points, train

CPU = torch.device("cpu")


def test_batches_come_in_order_with_their_targets() -> None:
    inputs = Points(torch.arange(12.0).reshape(6, 2), RowTargets(torch.arange(6)))
    fed = feed(inputs, [([5, 0], None), ([3], None)], CPU)
    first = next(fed)
    assert first["x"].tolist() == [[10, 11], [0, 1]]
    assert first["targets"].tolist() == [5, 0]
    assert [batch["x"].tolist() for batch in fed] == [[[6, 7]]]


class Halves(Points):
    """Two examples a row."""

    @property
    def rows(self) -> list[int]:
        return [example // 2 for example in range(len(self.x))]


def test_an_example_is_called_by_its_row() -> None:
    inputs = Halves(torch.zeros(4, 2))
    assert [Examples(inputs, ["a", "b"]).id_of(example) for example in range(4)] == ["a", "a", "b", "b"]
    labelled = inputs.labelled(RowTargets.of(np.array([5, 6]), inputs))
    assert labelled.batch([3, 0, 1])["targets"].tolist() == [6, 5, 5]


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_workers_makes_the_same_batches(workers: int) -> None:
    augment = Augment(crop="padded", flip=True, policy="trivial", mixup=0.2, cutmix=1.0)
    inputs = ImageProcessor(Preprocessing(16, 16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")).encode(
        [encode(noise_image(number)) for number in range(9)], augment=augment
    )
    inputs = inputs.labelled(RowTargets.of(np.arange(9), inputs))
    asked = [([0, 3, 4], 1), ([8, 1], 2), ([2, 5], 3), ([6, 7], 4)]
    alone, helped = (list(feed(inputs, asked, CPU, workers=number)) for number in (0, workers))
    for one, other in zip(alone, helped, strict=True):
        assert set(one) == {"pixels", "targets", "targets_of_partner", "targets_share"}
        assert all(torch.equal(one[name], other[name]) for name in one)
    # A part of a mixed batch knows the classes of partners that are in another part.
    assert alone[0]["targets_of_partner"].tolist() != [0, 1, 2]


def test_a_training_with_workers_has_the_same_bits(tmp_path_factory: pytest.TempPathFactory) -> None:
    alone, helped = (
        train(tmp_path_factory.mktemp("run"), epochs=2, batch_size=16, inputs=shaken(), workers=workers)
        for workers in (0, 2)
    )
    assert all(torch.equal(alone.weights[name], helped.weights[name]) for name in alone.weights)
    assert alone.fitted.train_curve == helped.fitted.train_curve
