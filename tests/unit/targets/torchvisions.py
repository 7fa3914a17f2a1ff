"""Whole models of torchvision that are small, as nobody trained them, and files of their weights."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file

CLASSES = ("circle", "square")
SIZE = 32
PIXELS = torch.randint(0, 256, (2, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def make_cheap(patch: pytest.MonkeyPatch) -> None:
    """torchvision builds each body with all its tensors; the blocks of a ResNet-50 are narrow inside.

    SSDLite counts channels with an image of 320 pixels; they are the same with a small one.
    """
    from torchvision.models.detection import faster_rcnn, fcos, mask_rcnn, retinanet, ssdlite

    for module in (faster_rcnn, fcos, mask_rcnn, retinanet):
        patch.setattr(module, "resnet50", partial(module.resnet50, width_per_group=8))
    count = ssdlite.det_utils.retrieve_out_channels
    patch.setattr(ssdlite.det_utils, "retrieve_out_channels", lambda model, _: count(model, (SIZE, SIZE)))


def whole_model(name: str, **options: Any) -> Any:
    """A model whose norms have seen something, and that is sure of something."""
    torch.manual_seed(0)
    model: Any = torchvision.models.get_model(name, weights=None, weights_backbone=None, **options)
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if key.endswith("running_mean"):
                tensor.normal_(std=0.1)
            elif key.endswith("running_var"):
                tensor.uniform_(1, 2.5)  # maps neither grow nor vanish
            elif key.endswith("cls_logits.bias"):
                tensor.zero_()
            elif "box_predictor.bbox_pred" in key:  # ours moves a box alike for every class
                tensor.copy_(tensor[:4].repeat(len(tensor) // 4, *[1] * (tensor.ndim - 1)))
            elif "mask_fcn_logits" in key:  # and draws it alike
                tensor.copy_(tensor[:1].expand_as(tensor))
    return model.eval()


def saved(name: str, whole: Any, folder: Path) -> str:
    """Its weights as a file: of the first RetinaNet as torch wrote them before its layers were renamed."""
    state = whole.state_dict()
    if name != "retinanet_resnet50_fpn":
        save_file(state, folder / "coco.safetensors")
        return str(folder / "coco.safetensors")
    old = re.compile(r"(head\.\w+_head\.conv)\.(\d)\.0\.")
    state = {old.sub(lambda one: f"{one[1]}.{2 * int(one[2])}.", key): value for key, value in state.items()}
    state = {re.sub(r"(fpn\.\w+_blocks\.\d)\.0\.", r"\1.", key): value for key, value in state.items()}
    torch.save(state, folder / "coco.pth")
    return str(folder / "coco.pth")


def write_ssdlite(file: Path, size: int) -> None:
    """Weights of a whole detector whose norms have seen noise: through those of a new one hardly anything passes."""
    torch.manual_seed(0)
    model: Any = torchvision.models.get_model("ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train().head(list(model.backbone(torch.randn(8, 3, size, size)).values()))
    save_file(model.state_dict(), file)
