"""The peer for boxes: the loop of torchvision's references/detection, written anew, on torchvision's own FCOS.

As there: transforms v2 with its preset `hflip`, workers that decode each image in each epoch, images resized and padded
within the model, float32, a loss that is reduced and checked in every step, and an evaluation of single images by
pycocotools after each epoch. Optimiser and schedule are those of the other side. All images have one shape, so there is
nothing to group by aspect ratio.
"""

import contextlib
import io
import math
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.models.detection import FCOS
from torchvision.models.detection.fcos import FCOSHead
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelP6P7
from torchvision.transforms import v2

from peers.objects import LEAST, TASK, TOWER, WIDTH, learning_of, read
from peers.params import section
from peers.setup import SPLITS, Clock, Setup, build_optimizer, build_schedule

WORKERS = 2


class Objects(Dataset[tuple[Tensor, dict[str, Any]]]):
    """Images and targets, decoded and transformed at each access."""

    def __init__(self, rows: list[dict[str, Any]], names: list[str], transforms: Any) -> None:
        self.rows, self._names, self._transforms = rows, names, transforms

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Any]]:
        row = self.rows[index]
        image = Image.open(row["file"]).convert("RGB")
        corners = [[box[name] for name in ("xmin", "ymin", "xmax", "ymax")] for box in row["boxes"]]
        boxes = torch.tensor(corners, dtype=torch.float32).reshape(-1, 4)
        placed = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(image.height, image.width))
        labels = torch.tensor([self._names.index(box["label"]) for box in row["boxes"]], dtype=torch.int64)
        found: tuple[Tensor, dict[str, Any]] = self._transforms(image, {"boxes": placed, "labels": labels, "id": index})
        return found


class Body(nn.Module):
    """Our backbone's maps, and torchvision's pyramid on them."""

    def __init__(self, network: nn.Module, taps: list[str], channels: list[int]) -> None:
        super().__init__()
        self.maps = create_feature_extractor(network, {name: str(number) for number, name in enumerate(taps)})
        self.fpn = FeaturePyramidNetwork(channels, WIDTH, extra_blocks=LastLevelP6P7(WIDTH, WIDTH))
        self.out_channels = WIDTH

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        found: OrderedDict[str, Tensor] = self.fpn(OrderedDict(self.maps(images)))
        return found


def main() -> None:
    setup = Setup.read()
    network = load(setup)
    rows = {split: read(setup, split) for split in SPLITS}
    with contextlib.redirect_stdout(io.StringIO()):
        truth = truth_of(rows["val"], setup.names)
    clock = Clock()
    last = [v2.ToImage(), v2.ToDtype(torch.float, scale=True), v2.ToPureTensor()]
    train_set = Objects(rows["train"], setup.names, v2.Compose([v2.RandomHorizontalFlip(0.5), *last]))
    val_set = Objects(rows["val"], setup.names, v2.Compose(last))
    train = DataLoader(train_set, setup.batch_size, shuffle=True, num_workers=WORKERS, collate_fn=collate)
    val = DataLoader(val_set, 1, num_workers=WORKERS, collate_fn=collate)
    optimizer = build_optimizer(network, setup, fused=False)
    schedule = build_schedule(optimizer, setup, setup.epochs * len(train))
    for _ in range(setup.epochs):
        network.train()
        for images, targets in train:
            losses = network(list(images), [{name: one[name] for name in ("boxes", "labels")} for one in targets])
            loss = sum(losses.values())
            if not math.isfinite(loss.item()):
                raise SystemExit(f"the loss is {loss}")
            optimizer.zero_grad()
            loss.backward()
            if setup.clip:
                nn.utils.clip_grad_norm_(network.parameters(), setup.clip)
            optimizer.step()
            schedule.step()
        clock.evaluated(evaluate(network, val, truth))
    clock.stop()


def load(setup: Setup) -> FCOS:
    """Torchvision's FCOS with the weights that both sides start from."""
    built = TASK.build(
        section(TASK, "backbone", setup.backbone), learning_of(setup.names), Path(), (TASK.content.name,)
    )
    built.model.load_state_dict(setup.start)
    backbone: Any = built.model.backbone
    head: Any = built.model.head
    body = Body(backbone.network.to(memory_format=torch.contiguous_format), backbone.taps, backbone.pyramid.channels)
    body.fpn.load_state_dict(head.fpn.state_dict())
    size = setup.backbone["image_size"]
    network = FCOS(
        body,
        len(setup.names),
        min_size=size,
        max_size=size,
        image_mean=setup.backbone["mean"],
        image_std=setup.backbone["std"],
        head=FCOSHead(WIDTH, 1, len(setup.names), TOWER),
        score_thresh=LEAST,
    )
    network.head.load_state_dict(head.head.state_dict())
    return network


def evaluate(network: nn.Module, loader: Any, truth: COCO) -> float:
    """AP50."""
    network.eval()
    results = []
    with torch.inference_mode():
        for images, targets in loader:
            for found, target in zip(network(list(images)), targets, strict=True):
                boxes = found["boxes"]
                sides = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1)
                results += [
                    {"image_id": target["id"], "category_id": label, "bbox": box, "score": score}
                    for box, label, score in zip(
                        sides.tolist(), found["labels"].tolist(), found["scores"].tolist(), strict=True
                    )
                ]
    if not results:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        scored = COCOeval(truth, truth.loadRes(results), "bbox")
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
    return float(np.asarray(scored.stats)[1])


def truth_of(rows: list[dict[str, Any]], names: list[str]) -> COCO:
    truth = COCO()
    annotations: list[dict[str, Any]] = []
    for image, row in enumerate(rows):
        for box in row["boxes"]:
            wide, high = box["xmax"] - box["xmin"], box["ymax"] - box["ymin"]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": names.index(box["label"]),
                    "bbox": [box["xmin"], box["ymin"], wide, high],
                    "area": wide * high,
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(names)]
    truth.dataset = {"images": [{"id": number} for number in range(len(rows))], "categories": categories}
    truth.dataset["annotations"] = annotations
    truth.createIndex()
    return truth


def collate(batch: list[Any]) -> tuple[Any, ...]:
    return tuple(zip(*batch, strict=True))


if __name__ == "__main__":
    main()
