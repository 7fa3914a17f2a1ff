"""Models as ONNX: what the file takes, and what is refused in one line."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from finetrail.contents.exported import Asking, Exported, Graph, Snippet
from finetrail.contents.image.settings import ImageBackbone
from finetrail.contents.text.settings import TextBackbone
from finetrail.errors import ConfigError, ModelError
from finetrail.exports.onnx import write_onnx
from finetrail.models.pyramid import Pyramid
from finetrail.targets.boxes.detectors.detector import DETECTORS
from finetrail.targets.boxes.told import told
from finetrail.tasks.task import Built
from tests.unit.exports.cases import IMAGE, TEXT, network
from tests.unit.exports.folders import build, draw, export
from tests.unit.targets.boxes.images import NEW_HEADS

pytestmark = pytest.mark.slow


@pytest.fixture
def built(backbone: TextBackbone, tmp_path: Path) -> Built:
    return build(TEXT, backbone, tmp_path)


def test_it_takes_any_number_of_texts_of_any_length(built: Built, tmp_path: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(export(built, "onnx", tmp_path / "out") / "model.onnx")
    assert [one.shape for one in session.get_inputs()] == [["batch", "tokens"]] * 2
    assert session.get_outputs()[0].shape == ["batch", 3]
    for rows, tokens in ((1, 1), (1, 16), (7, 5)):
        ones = np.ones((rows, tokens), dtype=np.int64)
        (logits,) = session.run(None, {"input_ids": ones, "attention_mask": ones})
        assert logits.shape == (rows, 3)


def test_packages_that_are_not_installed_are_named(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ConfigError, match=r"^--format onnx needs onnxscript, which is not installed; install the pack"):
        export(built, "onnx", tmp_path / "out")


def test_what_torch_cannot_write_as_onnx_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stubborn(nn.Linear):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return super().forward(features) if float(features.sum()) > 0 else features[:, :3]

    draw(tmp_path)
    settings = ImageBackbone(
        name="transformers", weights=network("resnet", tmp_path), image_size=32, mean=(0,) * 3, std=(1,) * 3
    )
    built = build(IMAGE, settings, tmp_path)
    built.model.head = Stubborn(16, 3)
    with pytest.raises(
        ModelError,
        match=r"^torch cannot write this model as ONNX \(Could not guard on .+\); serve the version .+, or use .*$",
    ):
        export(built, "onnx", tmp_path / "out")
    assert "def forward" not in capsys.readouterr().err


@pytest.mark.parametrize("name", NEW_HEADS)
def test_every_detector_finds_the_same_boxes_in_onnxruntime(name: str, tmp_path: Path) -> None:
    """Proposals, decoding and the removal of duplicates are in the graph; writing it compares its boxes with ours."""
    pyramid, detector = Pyramid(((4, 8, 8), (4, 4, 4), (4, 2, 2)), (8, 16, 32)), DETECTORS[name]
    torch.manual_seed(0)
    end = told(detector, 0.5)
    head = detector.Head(pyramid, 2, 64, 1)
    with torch.no_grad():
        for part, parameter in head.named_parameters():
            # A new head is sure of nothing, and equally so everywhere.
            parameter.mul_(0 if part.endswith("cls_logits.bias") else 3)
    whole = nn.Sequential(head, end.module)
    probes = [{"features": torch.randn(1, pyramid.width)} for _ in range(2)]
    said = Exported("onnx", (), Snippet("", "", "", ""), "", Asking(lambda contents, folder: []))
    write_onnx(Graph(whole, probes, {}, said, names=end.names, apart=end.apart), ["a", "b"], tmp_path)
    with torch.no_grad():
        boxes, _, scores = whole(*probes[0].values())
    assert boxes.shape == (100, 4)
    assert scores[0] > 0  # there is something to compare
