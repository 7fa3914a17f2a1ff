"""The loss is that of torchvision's FCOS, for each image; every part of a batch has its own share of it."""

import pytest
import torch
from torch import Tensor
from torchvision.models.detection import FCOS
from torchvision.models.detection.anchor_utils import AnchorGenerator

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.finding import found_in
from finetrail.targets.boxes.head import BoxHead
from finetrail.targets.boxes.losses import image_losses
from tests.unit.targets.boxes.images import boxes as drawn_boxes

PYRAMID = Pyramid(((4, 16, 16), (6, 8, 8), (8, 4, 4)), (8, 16, 32))
CLASSES = 3
SIZE = 128


@pytest.fixture(scope="module")
def outputs() -> Tensor:
    torch.manual_seed(0)
    head = BoxHead(PYRAMID, CLASSES, 32, 1)
    torch.nn.init.normal_(head.head.regression_head.bbox_reg.bias, 4.0)
    features = torch.randn(3, PYRAMID.width)
    found: Tensor = head(features)
    return found.detach()


def targets(counts: list[int]) -> Tensor:
    import numpy as np

    generator = np.random.default_rng(1)
    found = torch.full((len(counts), max(1, *counts), 5), -1.0)
    for row, count in zip(found, counts, strict=True):
        row[:count, :4] = torch.from_numpy(drawn_boxes(generator, count) / 300 * SIZE)
        row[:count, 4] = torch.from_numpy(generator.integers(0, CLASSES, count))
    return found


def torchvision_loss(outputs: Tensor, target: Tensor) -> Tensor:
    """The loss of an image (A, K + 8), on anchors around our places."""
    logits, nearness, distances, places = torch.split(outputs, [CLASSES, 1, 4, 3], dim=1)
    levels = torch.unique(places[:, 2], return_counts=True)[1].tolist()

    class Nothing(torch.nn.Module):
        out_channels = 32

    sizes = tuple((2 ** (3 + level),) for level in range(len(levels)))
    model = FCOS(Nothing(), CLASSES, anchor_generator=AnchorGenerator(sizes, ((1.0,),) * len(levels)))
    half = places[:, 2:] / 2
    anchors = torch.cat([places[:, :2] - half, places[:, :2] + half], dim=1)
    kept = target[target[:, 4] >= 0]
    parts = model.compute_loss(
        [{"boxes": kept[:, :4], "labels": kept[:, 4].long()}],
        {
            "cls_logits": logits[None],
            "bbox_ctrness": nearness[None],
            "bbox_regression": (distances / places[:, 2:])[None],
        },
        [anchors],
        levels,
    )
    return torch.stack(list(parts.values())).sum()


def test_it_is_that_of_torchvision(outputs: Tensor) -> None:
    wanted = targets([6, 0, 2])
    found = image_losses(outputs, wanted)
    expected = [torchvision_loss(one, target) for one, target in zip(outputs, wanted, strict=True)]
    torch.testing.assert_close(found, torch.stack(expected))
    assert found[0] != found[2]


def test_a_part_of_a_batch_has_the_losses_of_its_images(outputs: Tensor) -> None:
    wanted = targets([6, 0, 2])
    whole = image_losses(outputs, wanted)
    parts = [image_losses(outputs[at : at + 1], wanted[at : at + 1]) for at in range(3)]
    torch.testing.assert_close(torch.cat(parts), whole)


def test_boxes_of_a_class_that_overlap_are_one(outputs: Tensor) -> None:
    from torchvision.ops import box_iou

    found = found_in(outputs[0])
    assert 0 < len(found) <= 100
    assert (found[:-1, 5] >= found[1:, 5]).all()
    shared = box_iou(found[:, :4], found[:, :4]).fill_diagonal_(0)
    assert shared[found[:, None, 4] == found[None, :, 4]].max() <= 0.6


def test_outputs_that_are_not_finite_stay_so(outputs: Tensor) -> None:
    broken = outputs[0].clone()
    broken[5, 1] = torch.inf
    assert found_in(broken).isnan().all()
