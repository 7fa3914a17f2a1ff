"""Whole segmentation models of torchvision: their weights arrive, and go on from there."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from finetrail.contents.image.fitted.settings import PyramidBackboneSettings
from finetrail.errors import ModelError
from finetrail.targets.masks.codec import MaskCodec
from finetrail.targets.masks.learning import MaskLearning
from finetrail.tasks.registry import get_task, load_model
from finetrail.tasks.task import Built
from tests.unit.targets.torchvisions import CLASSES, PIXELS, SIZE, whole_model

pytestmark = pytest.mark.slow

MOBILE = ("deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large")
NAMES = ("background", *CLASSES)
TASK = get_task("image-segmentation")


def built(name: str, weights: str, decoder: Any = "whole") -> tuple[Built, PyramidBackboneSettings]:
    settings = PyramidBackboneSettings(name=name, weights=weights, image_size=SIZE)
    learning = MaskLearning(MaskCodec(NAMES, decoder))
    return TASK.build(settings, learning, Path(), ("image",)), settings


def class_layers(decoder: Any) -> list[Any]:
    return [decoder.low_classifier, decoder.high_classifier] if hasattr(decoder, "cbr") else [decoder[4]]


def answered(whole: Any, pixels: Tensor) -> Any:
    """What torchvision's own model answers to pixels, by its own preprocessing."""
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return whole((pixels / 255 - mean) / std)["out"]


@pytest.mark.parametrize("name", [*MOBILE, "deeplabv3_resnet50", "fcn_resnet50"])
def test_the_weights_arrive_and_the_model_answers_as_torchvisions_own(name: str, tmp_path: Path) -> None:
    whole = whole_model(name, num_classes=len(NAMES), **({} if "lraspp" in name else {"aux_loss": True}))
    save_file(whole.state_dict(), tmp_path / "coco.safetensors")
    one, settings = built(name, str(tmp_path / "coco.safetensors"))
    head: Any = one.model.head
    ours = head.decoder.classifier
    for mine, its in zip(class_layers(ours), class_layers(whole.classifier), strict=True):
        assert not torch.equal(mine.weight, its.weight), "the class layer is a new one"
        mine.load_state_dict(its.state_dict())
    with torch.no_grad():
        outputs = one.model.train()({"pixels": PIXELS})
        torch.testing.assert_close(outputs, answered(whole, PIXELS), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(one.model({"pixels": PIXELS[1:]}), outputs[1:], rtol=1e-3, atol=1e-4)
        TASK.save(one, settings, tmp_path / "model")
        again = load_model(tmp_path / "model").model({"pixels": PIXELS})
        torch.testing.assert_close(again, one.model.eval()({"pixels": PIXELS}), rtol=0, atol=0)


def test_what_cannot_be_is_refused_with_what_can() -> None:
    with pytest.raises(ModelError, match=r"the backbone is a whole LRASPP; set train.decoder to whole"):
        built(MOBILE[1], "random", "lraspp")
    with pytest.raises(ModelError, match=r"`whole` .* set backbone.name to one, such as deeplabv3_resnet50, or"):
        built("resnet18", "random")
    with pytest.raises(ModelError, match=r"has no weights 'IMAGENET1K_V1'; use one of COCO_WITH_VOC_LABELS_V1, DEF"):
        built(MOBILE[1], "IMAGENET1K_V1")
    with pytest.raises(ModelError, match=r"a whole model, which finds objects in images; use another backbone here"):
        built("ssdlite320_mobilenet_v3_large", "random")
