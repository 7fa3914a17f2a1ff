"""The task image-classification: what is saved is what is loaded, with real vision backbones."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from finetrail.adaptation.full import Full
from finetrail.contents.image.settings import ImageBackbone
from finetrail.inference.predict import predict
from finetrail.targets.classes import CLASSES
from finetrail.targets.classes.settings import ClassTraining
from finetrail.tasks.registry import get_task, load_model
from finetrail.tasks.task import Built
from tests.images import SHAPES, draw, encoded

LEARNING = CLASSES.learned({"labels": list(SHAPES)})
LABELS = [shape for shape in SHAPES for _ in range(3)]
VALUES = [encoded(draw(shape, number)) for shape in SHAPES for number in range(3)]
BACKBONES = {
    "torchvision": ImageBackbone(name="mobilenet_v3_small", weights="random", image_size=32),
    "timm": ImageBackbone(name="timm/test_vit", weights="random"),
}


def some_steps(built: Built) -> None:
    """Enough training that neither weights nor BatchNorm statistics are the initial ones."""
    Full(method="full").apply(built.model)
    optimizer = torch.optim.SGD(built.model.parameters(), lr=0.01)
    loss = built.learning.loss(ClassTraining(label_smoothing=0.1), LABELS)
    inputs = built.processor.encode(VALUES)
    inputs = inputs.labelled(built.learning.encode(LABELS, inputs))
    built.model.train()
    for _ in range(2):
        batch = inputs.batch(range(len(VALUES)))
        value = loss(built.model(batch), batch)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    built.model.eval()


@pytest.mark.parametrize("library", BACKBONES)
def test_what_is_saved_answers_the_same_when_it_is_loaded(library: str, tmp_path: Path) -> None:
    settings = BACKBONES[library]
    task = get_task("image-classification")
    built = task.build(settings, LEARNING, tmp_path, ["image"])
    some_steps(built)
    expected = predict(built.model, built.processor.encode(VALUES), LEARNING.keep, 4)
    task.save(built, settings, tmp_path / "saved")
    again = load_model(tmp_path / "saved")
    assert again.codec == built.codec
    assert again.columns == ("image",)
    found = predict(again.model, again.processor.encode(VALUES), again.learning.keep, 4)
    np.testing.assert_array_equal(found, expected)
    described = json.loads((tmp_path / "saved/model.json").read_text(encoding="utf-8"))
    assert described["task"] == "image-classification"
    assert described["backbone"]["weights"] == "backbone"
    suffixes = {path.suffix for path in (tmp_path / "saved").rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".safetensors"}


def test_a_saved_model_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    settings, task = BACKBONES["timm"], get_task("image-classification")
    built = task.build(settings, LEARNING, tmp_path, ["image"])
    files = []
    for name in ("one", "two"):
        task.save(built, settings, tmp_path / name)
        files.append({path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")})
    assert files[0] == files[1]
