"""Detectors as programs of torch: the same boxes, from a file that says nothing of this machine."""

import zipfile
from pathlib import Path
from typing import cast

import pytest
import torch

from finetrail.contents.image.backbone import VisionBackbone
from finetrail.contents.image.fitted.settings import PyramidBackboneSettings
from finetrail.errors import ModelError
from finetrail.exports.forms import write_form
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.learning import BoxLearning
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built
from tests.unit.targets.boxes.images import NEW_HEADS

pytestmark = pytest.mark.slow


def detector(name: str, backbone: str = "timm/test_resnet") -> Built:
    """A small one that is sure of something."""
    settings = PyramidBackboneSettings(name=backbone, weights="random", image_size=64)
    learning = BoxLearning(BoxCodec(("cell", "dust"), name, 64, 1))
    torch.manual_seed(0)
    built = get_task("object-detection").build(settings, learning, Path(), ("image",))
    with torch.no_grad():
        for part, parameter in built.model.head.named_parameters():
            parameter.mul_(0 if part.endswith("cls_logits.bias") else 3)
    built.model.eval()
    return built


@pytest.mark.parametrize("name", NEW_HEADS)
def test_every_detector_is_a_program_of_torch_that_finds_the_same_boxes(name: str, tmp_path: Path) -> None:
    built = detector(name)
    learning, backbone = cast(BoxLearning, built.learning), cast(VisionBackbone, built.model.backbone)
    done = write_form(built, "hf", tmp_path)
    assert done.library == "pytorch"
    program = torch.export.load(tmp_path / "model.pt2").module()
    pixels = torch.randint(0, 256, (1, 3, 64, 64), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    with torch.no_grad():
        theirs = program(pixels * backbone.scale + backbone.shift)
        ours = learning.told().module(built.model({"pixels": pixels}))
    assert ours[2][0] > 0.05, "there is something to compare"
    assert learning.told().apart(ours, theirs) < 1e-4
    with zipfile.ZipFile(tmp_path / "model.pt2") as archive:
        assert not any(b"finetrail/" in archive.read(part) for part in archive.namelist())


def test_what_torch_cannot_write_as_a_program_is_refused_with_another_format(tmp_path: Path) -> None:
    class Stubborn(torch.nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return features if float(features.sum()) > 0 else -features

    built = detector("fcos")
    built.model.head = torch.nn.Sequential(Stubborn(), built.model.head)
    with pytest.raises(ModelError, match=r"^torch cannot write this model as a program \(Could not .+\); use --format"):
        write_form(built, "hf", tmp_path)
