"""Every detector's loss is that of torchvision, for each image; every part of a batch has its own share of it."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models.detection import FCOS, RetinaNet
from torchvision.models.detection._utils import BalancedPositiveNegativeSampler
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.roi_heads import fastrcnn_loss
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.models.detection.ssd import SSD

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.detectors import faster_rcnn, ssdlite
from finetrail.targets.boxes.detectors.anchors import matched, parts
from finetrail.targets.boxes.detectors.detector import DETECTORS
from finetrail.targets.boxes.finding import found_in
from finetrail.targets.boxes.learning import BoxLearning
from tests.unit.targets.boxes.images import NEW_HEADS
from tests.unit.targets.boxes.images import boxes as drawn_boxes

PYRAMID = Pyramid(((4, 16, 16), (6, 8, 8), (8, 4, 4)), (8, 16, 32))
CLASSES = 3
SIZE = 128
DRAWN, DRAWS = 256, 200


@pytest.fixture(scope="module")
def outputs() -> dict[str, Tensor]:
    """Of each detector, with all kinds of boxes, for three images."""
    found = {}
    for name in NEW_HEADS:
        torch.manual_seed(0)
        head = DETECTORS[name].Head(PYRAMID, CLASSES, 32, 1)
        with torch.no_grad():
            found[name] = head(torch.randn(3, PYRAMID.width))
            front, behind = found[name].shape[2] - 10, 6
            if name == "fcos":
                front, behind = front + 1, 5
                found[name][:, :, front : front + 4] *= 20
            found[name][:, :, :front] += torch.randn(3, found[name].shape[1], front)
            found[name][:, :, front:-behind] += 0.2 * torch.randn(3, found[name].shape[1], 4).abs()
    return found


def targets(counts: list[int]) -> Tensor:
    import numpy as np

    generator = np.random.default_rng(1)
    found = torch.full((len(counts), max(1, *counts), 5), -1.0)
    for row, count in zip(found, counts, strict=True):
        row[:count, :4] = torch.from_numpy(drawn_boxes(generator, count) / 300 * SIZE)
        row[:count, 4] = torch.from_numpy(generator.integers(0, CLASSES, count))
    return found


class Nothing(torch.nn.Module):
    out_channels = 32


def truth(target: Tensor, background: int = 0) -> dict[str, Tensor]:
    """Targets as torchvision has them. Args: background: 1 where class 0 is that of no object."""
    kept = target[target[:, 4] >= 0]
    return {"boxes": kept[:, :4], "labels": kept[:, 4].long() + background}


def of_fcos(outputs: Tensor, target: Tensor) -> Tensor:
    """The loss of an image (A, K + 8), on anchors around our places."""
    logits, nearness, distances, places, _ = torch.split(outputs, [CLASSES, 1, 4, 3, 2], dim=1)
    levels = torch.unique(places[:, 2], return_counts=True)[1].tolist()

    sizes = tuple((2 ** (3 + level),) for level in range(len(levels)))
    model = FCOS(Nothing(), CLASSES, anchor_generator=AnchorGenerator(sizes, ((1.0,),) * len(levels)))
    half = places[:, 2:] / 2
    anchors = torch.cat([places[:, :2] - half, places[:, :2] + half], dim=1)
    found = model.compute_loss(
        [truth(target)],
        {
            "cls_logits": logits[None],
            "bbox_ctrness": nearness[None],
            "bbox_regression": (distances / places[:, 2:])[None],
        },
        [anchors],
        levels,
    )
    return torch.stack(list(found.values())).sum()


def of_retinanet(outputs: Tensor, target: Tensor) -> Tensor:
    logits, deltas, anchors = parts(outputs)
    found = RetinaNet(Nothing(), CLASSES).compute_loss(
        [truth(target)], {"cls_logits": logits[None], "bbox_regression": deltas[None]}, [anchors]
    )
    return torch.stack(list(found.values())).sum()


def of_ssdlite(outputs: Tensor, target: Tensor) -> Tensor:
    logits, deltas, anchors = parts(outputs)
    wanted = truth(target, background=1)
    numbers, _ = matched(ssdlite._MATCHER, anchors, target)
    known = SimpleNamespace(box_coder=ssdlite._CODER, neg_to_pos_ratio=3)
    given: Any = {"cls_logits": logits[None], "bbox_regression": deltas[None]}
    found = SSD.compute_loss(known, [wanted], given, [anchors], [numbers])
    return torch.stack(list(found.values())).sum()


def of_faster_rcnn(outputs: Tensor, target: Tensor) -> Tensor:
    """The mean over draws of the first stage, and the second one on all proposals."""
    logits, deltas, anchors = parts(outputs[: -faster_rcnn.PROPOSALS])
    stage = RegionProposalNetwork(
        Nothing(), Nothing(), 0.7, 0.3, DRAWN, 0.5, {"training": 1, "testing": 1}, {"training": 1, "testing": 1}, 0.7
    )
    labels, own = stage.assign_targets_to_anchors([anchors], [truth(target)])
    moves = stage.box_coder.encode(own, [anchors])
    torch.manual_seed(3)
    draws = [sum(stage.compute_loss(logits[:, :1], deltas, labels, moves)) for _ in range(DRAWS)]
    first = torch.stack(draws).mean()

    logits, deltas, proposals = parts(outputs[-faster_rcnn.PROPOSALS :])
    real = (proposals[:, 2:] > proposals[:, :2]).all(dim=1)
    numbers, objects = matched(faster_rcnn.SECOND, proposals[real], target)
    wanted = torch.where(numbers >= 0, truth(target, 1)["labels"][numbers.clamp(min=0)] if len(objects) else 0, 0)
    boxes = objects[numbers.clamp(min=0), :4] if len(objects) else proposals[real]
    moves = faster_rcnn._BOXES.encode([boxes], [proposals[real]])
    second = fastrcnn_loss(logits[real], deltas[real].repeat(1, CLASSES + 1), [wanted], list(moves))
    return first + torch.stack(second).sum()


THEIRS = {"fcos": of_fcos, "retinanet": of_retinanet, "faster_rcnn": of_faster_rcnn, "ssdlite": of_ssdlite}


@pytest.mark.parametrize("name", NEW_HEADS)
def test_it_is_that_of_torchvision(name: str, outputs: dict[str, Tensor]) -> None:
    wanted = targets([6, 0, 2])
    found = DETECTORS[name].image_losses(outputs[name], wanted)
    expected = [THEIRS[name](one, target) for one, target in zip(outputs[name], wanted, strict=True)]
    tolerance = 0.02 if name == "faster_rcnn" else 1e-5  # theirs is a mean over draws
    torch.testing.assert_close(found, torch.stack(expected), rtol=tolerance, atol=1e-5)
    assert found[0] != found[2]


@pytest.mark.parametrize("name", NEW_HEADS)
def test_images_weigh_by_their_objects_where_the_paper_divides_by_those_of_a_batch(
    name: str, outputs: dict[str, Tensor]
) -> None:
    learning = BoxLearning(BoxCodec(("a", "b", "c"), name, 32, 1))
    settings: Any = None
    objects: Any = [[{}] * count for count in (6, 0, 2, 8)]  # 4 in a usual image
    loss = learning.loss(settings, objects)
    wanted, own = targets([6, 0, 2]), outputs[name]
    each = DETECTORS[name].image_losses(own, wanted)
    weights = torch.tensor([6 / 4, 1 / 36, 2 / 4]) if name in ("fcos", "ssdlite") else torch.ones(3)
    torch.testing.assert_close(loss(own, {"targets": wanted}), (each * weights).mean())


def test_a_draw_that_takes_all_anchors_weighs_them_alike() -> None:
    there, background = torch.arange(200) < 50, torch.arange(200) >= 60
    shares = faster_rcnn.expected_shares(there, background)
    torch.testing.assert_close(shares, (there | background) / 190)


@pytest.mark.parametrize("counts", [(500, 3000), (20, 3000), (500, 10), (0, 3000)])
def test_anchors_weigh_as_often_as_they_are_drawn(counts: tuple[int, int]) -> None:
    labels = torch.cat([torch.ones(counts[0]), torch.zeros(counts[1])])
    shares = faster_rcnn.expected_shares(labels == 1, labels == 0)
    drawn = BalancedPositiveNegativeSampler(256, 0.5)([labels])
    sizes = [int(one[0].sum()) for one in drawn]
    torch.testing.assert_close(shares.sum(), torch.tensor(1.0))
    torch.testing.assert_close(shares[labels == 1].sum(), torch.tensor(sizes[0] / sum(sizes)))


@pytest.mark.parametrize("name", NEW_HEADS)
def test_a_part_of_a_batch_has_the_losses_of_its_images(name: str, outputs: dict[str, Tensor]) -> None:
    wanted, own = targets([6, 0, 2]), outputs[name]
    whole = DETECTORS[name].image_losses(own, wanted)
    alone = [DETECTORS[name].image_losses(own[at : at + 1], wanted[at : at + 1]) for at in range(3)]
    torch.testing.assert_close(torch.cat(alone), whole)


@pytest.mark.parametrize("name", NEW_HEADS)
def test_an_image_has_the_outputs_that_it_has_alone_and_every_weight_learns(name: str) -> None:
    torch.manual_seed(1)
    head = DETECTORS[name].Head(PYRAMID, CLASSES, 64, 2)
    features = torch.randn(2, PYRAMID.width)
    together = head(features)
    torch.testing.assert_close(together[1:], head(features[1:]), rtol=1e-4, atol=1e-4)
    loss: Any = DETECTORS[name].image_losses(together, targets([6, 2])).sum()
    loss.backward()
    assert [key for key, weight in head.named_parameters() if weight.grad is None] == []


@pytest.mark.parametrize("name", NEW_HEADS)
def test_boxes_of_a_class_that_overlap_are_one(name: str, outputs: dict[str, Tensor]) -> None:
    from torchvision.ops import box_iou

    found = found_in(DETECTORS[name], outputs[name][0])
    assert 0 < len(found) <= 100
    assert (found[:-1, 5] >= found[1:, 5]).all()
    shared = box_iou(found[:, :4], found[:, :4]).fill_diagonal_(0)
    assert shared[found[:, None, 4] == found[None, :, 4]].max() <= DETECTORS[name].OVERLAP + 1e-5


def test_outputs_that_are_not_finite_stay_so(outputs: dict[str, Tensor]) -> None:
    broken = outputs["fcos"][0].clone()
    broken[5, 1] = torch.inf
    assert found_in(DETECTORS["fcos"], broken).isnan().all()
