"""Losses of masks: those of segmentation-models-pytorch, image by image; ignored pixels never count."""

import pytest
import segmentation_models_pytorch as smp
import torch
from torch import Tensor
from torch.nn import functional

from finetrail.targets.masks.losses import cross_entropy, dice, losses_of, lovasz, pixel_weights
from finetrail.targets.masks.raster import IGNORED, numbers_of
from finetrail.targets.masks.training import MaskTraining
from tests.unit.targets.masks.answered import CLASSES, drawn_images

LOSSES = ("cross_entropy", "focal", "dice", "lovasz", "cross_entropy+dice")


@pytest.fixture(name="batch")
def _batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    targets = torch.randint(0, 3, (3, 9, 8), dtype=torch.uint8)
    targets[0, 0] = IGNORED
    targets[1] %= 2  # without the last class
    return torch.randn(3, 3, 9, 8, requires_grad=True), targets


def test_losses_are_those_of_the_library(batch: tuple[Tensor, Tensor]) -> None:
    logits, targets = batch
    known = {
        "dice": smp.losses.DiceLoss("multiclass", ignore_index=IGNORED),
        "lovasz": smp.losses.LovaszLoss("multiclass", per_image=True, ignore_index=IGNORED),
    }
    found = lovasz(logits, targets)
    for row in range(3):
        one = logits[row : row + 1], targets[row : row + 1].long()
        assert found[row].item() == pytest.approx(known["lovasz"](*one).item(), abs=1e-6)
        present = len(set(targets[row].flatten().tolist()) - {IGNORED})
        # The library's mean is over all classes, with 0 for those that are not there.
        expected = known["dice"](*one).item() * 3 / present
        assert dice(logits, targets)[row].item() == pytest.approx(expected, abs=1e-6)
        assert cross_entropy(logits, targets)[row].item() == pytest.approx(
            functional.cross_entropy(*one, ignore_index=IGNORED).item(), abs=1e-6
        )


@pytest.mark.parametrize("name", LOSSES)
def test_a_batch_is_the_mean_of_its_images_and_ignored_pixels_have_no_gradient(
    name: str, batch: tuple[Tensor, Tensor]
) -> None:
    logits, targets = batch
    each = losses_of(MaskTraining.model_validate({"loss": name}), torch.tensor([1.0, 2.0, 0.5]))
    together = each(logits, targets)
    alone = torch.cat([each(logits[row : row + 1], targets[row : row + 1]) for row in range(3)])
    torch.testing.assert_close(together, alone)
    torch.autograd.backward(together.sum())
    assert logits.grad is not None
    assert logits.grad[0, :, 0].abs().max() == 0
    assert logits.grad[0, :, 1:].abs().min() > 0
    nothing = torch.full_like(targets, IGNORED)
    assert each(logits, nothing).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", LOSSES)
def test_a_sure_right_answer_costs_nothing(name: str) -> None:
    targets = torch.randint(0, 3, (2, 6, 6), dtype=torch.uint8)
    logits = 50.0 * functional.one_hot(targets.long(), 3).permute(0, 3, 1, 2).float()
    assert losses_of(MaskTraining.model_validate({"loss": name}))(logits, targets).max().item() < 1e-5


def test_focal_loss_is_cross_entropy_less_what_is_sure(batch: tuple[Tensor, Tensor]) -> None:
    logits, targets = batch
    right = logits.softmax(1)[1].gather(0, targets[1:2].long())
    expected = (-((1 - right) ** 1.5) * right.log()).mean()
    assert cross_entropy(logits, targets, gamma=1.5)[1].item() == pytest.approx(expected.item(), abs=1e-6)


def test_with_balanced_weights_each_class_counts_the_same() -> None:
    labels, _ = drawn_images(1, 4)
    weights = pixel_weights(labels, CLASSES)
    counts = torch.zeros(len(CLASSES))
    for label in labels:
        numbers = torch.from_numpy(numbers_of(label, CLASSES)).long().flatten()
        counts += torch.bincount(numbers[numbers != IGNORED], minlength=len(CLASSES))
    shares = weights * counts / counts.sum()
    torch.testing.assert_close(shares, torch.full((len(CLASSES),), 1 / len(CLASSES)))
