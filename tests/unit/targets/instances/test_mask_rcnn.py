"""The loss of masks is that of torchvision, and outputs of an image depend on nothing but that image."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads, maskrcnn_loss

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.detectors import faster_rcnn
from finetrail.targets.instances.mask_rcnn import BOX, FOUND, Head, Outputs, found_in, image_losses

PYRAMID = Pyramid(((4, 16, 16), (6, 8, 8), (8, 4, 4)), (8, 16, 32))
CLASSES = 3
SIZE = 128


@pytest.fixture(scope="module")
def head() -> Head:
    torch.manual_seed(0)
    return Head(PYRAMID, CLASSES, 64, 1)


@pytest.fixture(scope="module")
def outputs(head: Head) -> Tensor:
    """For three images, with masks that are sure of something."""
    with torch.no_grad():
        read = Outputs.of(head(3 * torch.randn(3, PYRAMID.width)))
        return read._replace(masks=read.masks + torch.randn(read.masks.shape)).joined()


def objects(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Targets near found boxes, none in the second image, and pixels inside of them."""
    targets, masks = torch.full((3, 4, 5), -1.0), torch.zeros(3, 4, SIZE, SIZE, dtype=torch.bool)
    for row in (0, 2):
        found = Outputs.of(outputs[row]).found
        wide = found[(found[:, 2:4] - found[:, :2]).min(dim=1).values > 8]
        for place, box in enumerate(wide[:: len(wide) // 4][: 4 - row]):
            left, top, right, bottom = box[:4].clamp(0, SIZE).round().int().tolist()
            targets[row, place] = torch.tensor([left, top, right, bottom, place % CLASSES])
            masks[row, place, top:bottom, left : (left + right) // 2 + 2] = True
    assert (targets[:, :, 4] >= 0).sum() == 6
    return targets, masks


def theirs(outputs: Tensor, target: Tensor, masks: Tensor) -> Tensor:
    """The loss of the masks of an image, with its boxes as proposals and a mask for each class."""
    read, there = Outputs.of(outputs), target[:, 4] >= 0
    if not there.any():
        return torch.tensor(0.0)
    labels = target[there, 4].long() + 1
    stage = RoIHeads(None, None, None, 0.5, 0.5, 512, 0.25, None, 0.05, 0.5, 100)
    (numbers,), (own,) = stage.assign_targets_to_proposals([read.found[:, :4]], [target[there, :4]], [labels])
    chosen = own > 0
    logits = read.masks[chosen][:, None].expand(-1, CLASSES + 1, -1, -1)
    # torchvision counts from the middle of a pixel where boxes count from its edge.
    boxes = read.found[chosen, :4] - 0.5
    lost: Tensor = maskrcnn_loss(logits, [boxes], [masks[there]], [labels], [numbers[chosen]])
    return lost


def test_the_loss_of_masks_is_that_of_torchvision_beside_that_of_the_boxes(outputs: Tensor) -> None:
    targets, masks = objects(outputs)
    found = image_losses(outputs, targets, masks) - faster_rcnn.image_losses(Outputs.of(outputs).boxes, targets)
    expected = torch.stack([theirs(*one) for one in zip(outputs, targets, masks, strict=True)])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert expected[0] > 0.1
    assert expected[2] > 0.1


def test_a_part_of_a_batch_has_the_losses_of_its_images(outputs: Tensor) -> None:
    targets, masks = objects(outputs)
    alone = [image_losses(outputs[at : at + 1], targets[at : at + 1], masks[at : at + 1]) for at in range(3)]
    torch.testing.assert_close(torch.cat(alone), image_losses(outputs, targets, masks))


def test_an_image_has_the_outputs_that_it_has_alone_and_every_weight_learns(head: Head) -> None:
    features = torch.randn(3, PYRAMID.width)
    together = head(features)
    torch.testing.assert_close(together[1:], head(features[1:]), rtol=1e-3, atol=1e-3)
    loss: Any = image_losses(together, *objects(together.detach())).sum()
    loss.backward()
    assert [key for key, weight in head.named_parameters() if weight.grad is None] == []


def test_outputs_hold_boxes_and_masks_exactly(outputs: Tensor) -> None:
    read = Outputs.of(outputs)
    torch.testing.assert_close(read.joined(), outputs, rtol=0, atol=0)
    torch.testing.assert_close(Outputs.of(outputs[1]).masks, read.masks[1], rtol=0, atol=0)
    found = found_in(outputs[0])
    real = read.found[0, :, BOX - 1] > 0
    assert found.shape == (int(real.sum()), FOUND)
    torch.testing.assert_close(found[:, BOX:], read.masks[0][real].sigmoid().flatten(1))


def test_an_image_in_which_nothing_is_found_has_a_loss_and_outputs_that_are_not_finite_stay_so(head: Head) -> None:
    with torch.no_grad():
        read = Outputs.of(head(torch.zeros(1, PYRAMID.width)))
    nothing = read._replace(found=torch.zeros_like(read.found)).joined()
    targets = torch.tensor([[[8.0, 8, 40, 40, 1]]])
    assert image_losses(nothing, targets, torch.ones(1, 1, SIZE, SIZE)).isfinite().all()
    assert len(found_in(nothing[0])) == 0
    nothing[0, 5, 1] = torch.inf
    assert found_in(nothing[0]).isnan().all()


def test_a_head_that_finds_nothing_draws_nothing() -> None:
    sure = Head(PYRAMID, CLASSES, 64, 0)
    with torch.no_grad():
        sure.logits.bias[0] = 100.0  # background
        outputs = sure(torch.randn(2, PYRAMID.width))
    assert Outputs.of(outputs).masks.abs().max() == 0
