"""Faster R-CNN (Ren et al. 2015) on a pyramid: a first stage proposes boxes, a second one looks into each of them.

Both stages are in the outputs: first A anchors, then `PROPOSALS` proposals, those that an image lacks without an area.
So loss and boxes are functions of the outputs alone, and the network is the same in training and after it. Objects are
not added to the proposals, and where torchvision draws anchors for the loss, here is the mean over all such draws:
nothing depends on a random number, nor on how a batch is divided.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection._utils import BoxCoder, Matcher
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead
from torchvision.models.detection.rpn import RPNHead, concat_box_prediction_layers
from torchvision.ops import MultiScaleRoIAlign, clip_boxes_to_image, nms

from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.detections import LEAST, MOST
from finetrail.targets.boxes.detectors.anchors import RATIOS, SIDE, anchors_of, matched, on_canvas, parts
from finetrail.targets.boxes.detectors.maps import MapsHead, levels_of, named

OVERLAP = 0.5
BY_OBJECTS = False
PROPOSALS = 200
"""Of an image, in training as after it: more than are kept as answers, and few enough for all to be learnt from."""
OF_A_MAP = 300
"""The most proposals of a map that are compared with each other."""
APART = 0.7
"""The overlap from which the less sure of two proposals is left out."""
DRAWN, OBJECTS = 256, 0.5
"""Anchors that a draw for the loss has, and the most of them that have an object."""
LEAST_SIDE = 1e-3
"""Pixels of a side of a proposal that has an area."""
WHOLE = ("FasterRCNN",)
OPTIONS = {
    "box_score_thresh": LEAST,
    "box_detections_per_img": MOST,
    "rpn_pre_nms_top_n_test": OF_A_MAP,
    "rpn_post_nms_top_n_test": PROPOSALS,
}
FIRST = 1
LEAST_ANSWER = 1e-2
"""The same of an answer."""
_POOLED = 7
_ANCHORS, _BOXES = BoxCoder((1.0, 1.0, 1.0, 1.0)), BoxCoder((10.0, 10.0, 5.0, 5.0))
_FIRST = Matcher(0.7, 0.3, allow_low_quality_matches=True)
SECOND = Matcher(0.5, 0.5, allow_low_quality_matches=False)


class Head(MapsHead):
    """Maps a pyramid as features (B, D) to outputs (B, A + PROPOSALS, K + 11); see `anchors.parts`.

    Logits of an anchor: whether it has an object, and zeros; of a proposal: of background and of the classes.
    """

    anchors: Tensor

    def __init__(self, pyramid: Pyramid, classes: int, width: int, tower: int) -> None:
        super().__init__(pyramid, width)
        self.canvas = pyramid.canvas
        above: Any = pyramid.above
        if above is None:
            self.rpn = RPNHead(width, len(RATIOS))
            inner = 4 * width
            self.inside = FastRCNNConvFCHead((width, _POOLED, _POOLED), [], [inner] * tower)
            inside = inner if tower else width * _POOLED**2
            sizes = tuple((SIDE * stride,) for _, _, stride in levels_of(pyramid))
            generator: nn.Module = AnchorGenerator(sizes, (RATIOS,) * len(sizes))
        else:
            self.rpn, self.inside, generator = above.rpn.head, above.roi_heads.box_head, above.rpn.anchor_generator
            inside = above.roi_heads.box_predictor.cls_score.in_features
        self.pool = MultiScaleRoIAlign([str(number) for number in range(len(pyramid.shapes))], _POOLED, 2)
        self.logits, self.deltas = (nn.Linear(inside, n) for n in (classes + 1, 4))
        self.counts = [height * wide * len(RATIOS) for height, wide in self.shapes()]
        self.register_buffer("anchors", anchors_of(pyramid, generator, self.shapes()), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        return self.stages(self.maps(features))

    def stages(self, maps: list[Tensor]) -> Tensor:
        """The outputs of both stages."""
        rows = len(maps[0])
        objectness, moves = concat_box_prediction_layers(*self.rpn(maps))
        objectness, moves = objectness.reshape(rows, -1, 1), moves.reshape(rows, -1, 4)
        proposals = [self._proposed(*one) for one in zip(objectness.detach()[:, :, 0], moves.detach(), strict=True)]
        inside = self.inside(self.pooled(self.pool, maps, proposals))
        logits, deltas = (layer(inside).unflatten(0, (rows, PROPOSALS)) for layer in (self.logits, self.deltas))
        anchors = self.anchors.expand(rows, -1, -1)
        first = torch.cat([functional.pad(objectness, (0, logits.shape[2] - 1)), moves, anchors], dim=2)
        canvas = anchors[:, :PROPOSALS, 4:]
        return torch.cat([first, torch.cat([logits, deltas, torch.stack(proposals), canvas], dim=2)], dim=1)

    def pooled(self, pool: MultiScaleRoIAlign, maps: list[Tensor], boxes: list[Tensor]) -> Tensor:
        """What maps show in boxes (n, C, H, W), those of all images after each other."""
        named = {str(number): one for number, one in enumerate(maps[: len(self.pyramid.shapes)])}
        found: Tensor = pool(named, boxes, [self.canvas] * len(boxes))
        return found

    def _proposed(self, objectness: Tensor, moves: Tensor) -> Tensor:
        """The likeliest boxes of an image (PROPOSALS, 4), each map's apart."""
        best, level, start = [], [], 0
        for number, count in enumerate(self.counts):
            of_map = objectness[start : start + count].topk(min(OF_A_MAP, count)).indices
            best.append(of_map + start)
            level.append(torch.full_like(of_map, number))
            start += count
        chosen = torch.cat(best)
        boxes = clip_boxes_to_image(_ANCHORS.decode_single(moves[chosen], self.anchors[chosen, :4]), self.canvas)
        beside = torch.cat(level)[:, None] * (max(self.canvas) + 1)  # boxes of two maps never overlap
        sure = torch.where(_real(boxes), objectness[chosen], -torch.inf)  # what has no area comes last
        kept = nms(boxes + beside, sure, APART)
        filled = torch.cat([kept, kept.new_zeros(PROPOSALS)])[:PROPOSALS]
        there = torch.arange(PROPOSALS, device=kept.device) < kept.shape[0]
        return torch.where(there[:, None], boxes[filled], 0.0)


def image_losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss of each image (B,): of both stages, cross-entropy of the classes and smooth L1 of the boxes.

    See `finetrail.targets.boxes.detectors.detector.Detector.image_losses`.
    """
    pairs = zip(outputs, targets, strict=True)
    return torch.stack([_first(one[:-PROPOSALS], at) + _second(one[-PROPOSALS:], at) for one, at in pairs])


def read(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """See `finetrail.targets.boxes.detectors.detector.Detector.read`."""
    logits, deltas, proposals = parts(outputs[-PROPOSALS:])
    boxes = on_canvas(_BOXES.decode_single(deltas, proposals), outputs[-PROPOSALS:])
    there = _real(proposals) & _real(boxes, LEAST_ANSWER)
    return boxes, logits.softmax(dim=1)[:, 1:] * there[:, None]


def state(head: nn.Module) -> dict[str, Tensor]:
    """See `finetrail.targets.boxes.detectors.detector.Detector.state`. A box moves alike for every class."""
    whole: Any = head
    places = {"fpn": "backbone.fpn", "rpn": "rpn.head", "inside": "roi_heads.box_head"}
    classes = whole.logits.out_features
    deltas = {"weight": whole.deltas.weight.repeat(classes, 1), "bias": whole.deltas.bias.repeat(classes)}
    logits = named(head, {"logits": "roi_heads.box_predictor.cls_score"})
    return named(head, places) | logits | {f"roi_heads.box_predictor.bbox_pred.{k}": v for k, v in deltas.items()}


def _first(outputs: Tensor, target: Tensor) -> Tensor:
    """The loss of the anchors of an image."""
    logits, moves, anchors = parts(outputs)
    numbers, objects = matched(_FIRST, anchors, target)
    there, background = numbers >= 0, numbers == Matcher.BELOW_LOW_THRESHOLD
    weights = expected_shares(there, background)
    lost = functional.binary_cross_entropy_with_logits(logits[:, 0], there.to(logits.dtype), reduction="none")
    return (weights * lost).sum() + (weights[there] * _moved(_ANCHORS, moves, anchors, (numbers, objects))).sum()


def _second(outputs: Tensor, target: Tensor) -> Tensor:
    """The loss of the proposals of an image; all of them count."""
    logits, deltas, proposals = parts(outputs)
    real = _real(proposals)
    logits, deltas, proposals = logits[real], deltas[real], proposals[real]
    numbers, objects = matched(SECOND, proposals, target)
    there = numbers >= 0
    wanted = torch.zeros_like(numbers)
    wanted[there] = objects[numbers[there], 4].long() + 1
    lost = functional.cross_entropy(logits, wanted, reduction="sum")
    return (lost + _moved(_BOXES, deltas, proposals, (numbers, objects)).sum()) / real.sum().clamp(min=1)


def expected_shares(there: Tensor, background: Tensor) -> Tensor:
    """How much each anchor counts on average in a draw of `DRAWN`, as torchvision draws them (A,); the sum is 1.

    Args:
        there, background: which anchors have an object, and which have none (A,).
    """
    objects, others = there.sum(), background.sum()
    drawn = objects.clamp(max=int(DRAWN * OBJECTS))
    rest = torch.minimum(others, DRAWN - drawn)
    shares = there * (drawn / objects.clamp(min=1)) + background * (rest / others.clamp(min=1))
    found: Tensor = shares / (drawn + rest).clamp(min=1)
    return found


def _moved(coder: BoxCoder, deltas: Tensor, boxes: Tensor, own: tuple[Tensor, Tensor]) -> Tensor:
    """The loss of each box that has an object (n,). Args: own: see `anchors.matched`."""
    numbers, objects = own
    there = numbers >= 0
    moves = coder.encode_single(objects[numbers[there], :4], boxes[there])
    return functional.smooth_l1_loss(deltas[there], moves, beta=1 / 9, reduction="none").sum(dim=1)


def _real(boxes: Tensor, side: float = LEAST_SIDE) -> Tensor:
    """Which boxes have an area (P,). Args: side: pixels, the least."""
    return (boxes[:, 2:] - boxes[:, :2] >= side).all(dim=1)
