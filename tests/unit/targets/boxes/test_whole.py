"""Whole detectors of torchvision: their weights arrive, and go back to torchvision after training."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor

from finetrail.contents.content import Loaded
from finetrail.contents.image import FINE_PYRAMID, PYRAMID
from finetrail.contents.image.backbone import load_pretrained
from finetrail.contents.image.backbones.torchvision_whole import KINDS
from finetrail.contents.image.fitted.settings import PyramidBackboneSettings
from finetrail.errors import ModelError
from finetrail.exports.card import render
from finetrail.exports.facts import Facts
from finetrail.exports.forms import write_form
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.detections import Detections
from finetrail.targets.boxes.detectors.detector import DETECTORS
from finetrail.targets.boxes.finding import found_in
from finetrail.targets.boxes.learning import BoxLearning
from finetrail.tasks.registry import get_task, load_model
from tests.drawn import drawn, png
from tests.unit.targets.torchvisions import CLASSES, PIXELS, SIZE, make_cheap, saved, whole_model

pytestmark = pytest.mark.slow

OURS = {
    "fasterrcnn_resnet50_fpn": "faster_rcnn",
    "fasterrcnn_resnet50_fpn_v2": "faster_rcnn",
    "retinanet_resnet50_fpn": "retinanet",
    "retinanet_resnet50_fpn_v2": "retinanet",
    "fcos_resnet50_fpn": "fcos",
    "ssdlite320_mobilenet_v3_large": "ssdlite",
}


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    make_cheap(monkeypatch)


def torchvisions(name: str) -> Any:
    """A detector that is sure of some boxes."""
    detector = DETECTORS[OURS[name]]
    size = {} if KINDS[name].fixed else {"min_size": SIZE, "max_size": SIZE}
    model = whole_model(name, num_classes=len(CLASSES) + detector.FIRST, **detector.OPTIONS, **size)
    if KINDS[name].fixed:
        model.transform.fixed_size = (SIZE, SIZE)
    return model


def loaded(name: str, weights: str, **given: Any) -> Loaded:
    settings = PyramidBackboneSettings(name=name, weights=weights, image_size=SIZE, **given)
    return load_pretrained(settings, Path(), PYRAMID, ["image"])


def give_classes(head: Any, whole: Any) -> None:
    """Put torchvision's own class layer into a head of ours."""
    if isinstance(whole, torchvision.models.detection.FasterRCNN):
        predictor = whole.roi_heads.box_predictor
        head.logits.load_state_dict(predictor.cls_score.state_dict())
        head.deltas.load_state_dict({key: value[:4] for key, value in predictor.bbox_pred.state_dict().items()})
    else:
        head.head.classification_head.load_state_dict(whole.head.classification_head.state_dict(), strict=False)


def by_torchvision(whole: Any, first: int) -> list[Tensor]:
    """Boxes, classes and scores of each image (n, 6)."""
    with torch.no_grad():
        found = whole([one.double() / 255 for one in PIXELS])
    return [torch.cat([one["boxes"], one["labels"][:, None] - first, one["scores"][:, None]], dim=1) for one in found]


def found(boxes: Tensor) -> Detections:
    """Boxes, classes and scores (n, 6)."""
    return Detections(
        boxes[:, :4].float().numpy(), boxes[:, 4].long().numpy(), boxes[:, 5].float().numpy(), (SIZE, SIZE)
    )


@pytest.mark.parametrize("name", OURS)
def test_the_weights_arrive_and_go_back(name: str, tmp_path: Path) -> None:
    whole, ours = torchvisions(name), OURS[name]
    built: Any
    settings = PyramidBackboneSettings(name=name, weights=saved(name, whole, tmp_path), image_size=SIZE)
    learning = BoxLearning(BoxCodec(CLASSES, ours))
    built = get_task("object-detection").build(settings, learning, Path(), ("image",))
    built.model.eval()
    fresh = {key: value.clone() for key, value in built.model.head.state_dict().items()}
    give_classes(built.model.head, whole)
    changed = {key for key, value in built.model.head.state_dict().items() if not torch.equal(value, fresh[key])}
    assert changed, "the class layer is a new one"
    assert all("cls" in key or "logits" in key or "deltas" in key or "classification" in key for key in changed)
    # In double precision: a random network makes much of rounding.
    built.model.double()
    whole.double()
    with torch.no_grad():
        images = whole.transform([one.double() / 255 for one in PIXELS])[0].tensors
        outputs = built.model.head(built.model.backbone.packed(images))
    expected = by_torchvision(whole, DETECTORS[ours].FIRST)
    assert min(map(len, expected)) > 5, "there is something to compare"
    for one, other in zip(outputs, expected, strict=True):
        assert found(found_in(DETECTORS[ours], one)).apart(found(other)) < 1e-4

    built.model.float()
    whole.float()
    assert write_form(built, "hf", tmp_path).library == "torchvision"
    written, state = load_file(tmp_path / "model.safetensors"), whole.state_dict()
    assert written.keys() == state.keys()
    for key in (key for key in state if not key.endswith("num_batches_tracked")):
        torch.testing.assert_close(written[key], state[key], rtol=0, atol=0)


def test_a_saved_one_is_loaded_again_and_its_export_answers_by_its_card(tmp_path: Path) -> None:
    name = "ssdlite320_mobilenet_v3_large"
    whole = torchvisions(name)
    settings = PyramidBackboneSettings(name=name, weights=saved(name, whole, tmp_path), image_size=SIZE)
    task = get_task("object-detection")
    built = task.build(settings, BoxLearning(BoxCodec(CLASSES, "ssdlite", threshold=0.6)), Path(), ("image",))
    with torch.no_grad():
        for key, weight in built.model.head.named_parameters():
            weight.mul_(30 if "classification" in key and key.endswith(".1.weight") else 1)  # sure of something
    task.save(built, settings, tmp_path / "model")
    again = load_model(tmp_path / "model")
    with torch.no_grad():
        outputs = again.model({"pixels": PIXELS})
        torch.testing.assert_close(outputs, built.model.eval()({"pixels": PIXELS}), rtol=0, atol=0)

    (tmp_path / "out").mkdir()
    done = write_form(again, "hf", tmp_path / "out")
    photo = png(drawn(1, (128, 96))[0])
    (tmp_path / "out" / "image.png").write_bytes(photo)
    (tmp_path / "out" / "README.md").write_text(render(again, done, Facts()), encoding="utf-8")
    answered = subprocess.run(
        [sys.executable, "-c", str(done.snippet)], cwd=tmp_path / "out", capture_output=True, text=True
    )
    assert answered.returncode == 0, answered.stderr
    inputs = again.processor.encode([photo])
    with torch.no_grad():
        kept = again.learning.keep(again.model(inputs.batch([0])), {})
    (boxes,) = again.codec.say(again.learning.answers(kept, inputs))["objects"]
    lines = [line.split() for line in answered.stdout.splitlines()]
    assert boxes
    assert [line[1] for line in lines] == [box["label"] for box in boxes]
    for line, box in zip(lines, boxes, strict=True):
        assert list(map(float, line[2:])) == pytest.approx(list(box.values())[1:], abs=0.06)


def test_an_image_has_the_loss_that_it_has_alone_and_the_body_can_stay_as_it_is(tmp_path: Path) -> None:
    """Norms of a whole detector keep their statistics, so that a batch can be halved."""
    task = get_task("object-detection")
    settings = PyramidBackboneSettings(name="ssdlite320_mobilenet_v3_large", weights="random", image_size=SIZE)
    learning = BoxLearning(BoxCodec(CLASSES, "ssdlite"))
    model = task.build(settings, learning, Path(), ("image",)).model
    model.backbone.requires_grad_(False)
    model.train()
    targets = torch.tensor([[[4.0, 4, 40, 40, 0]], [[20.0, 8, 60, 60, 1]]])
    together = learning.detector.image_losses(model({"pixels": PIXELS}), targets)
    alone = [
        learning.detector.image_losses(model({"pixels": PIXELS[at : at + 1]}), targets[at : at + 1]) for at in (0, 1)
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-4)
    together.sum().backward()  # type: ignore[no-untyped-call]
    assert [key for key, weight in model.head.named_parameters() if weight.grad is None] == []


def test_what_cannot_be_is_refused_with_what_can(tmp_path: Path) -> None:
    name = "ssdlite320_mobilenet_v3_large"
    with pytest.raises(ModelError, match=r"cannot be used whole; use one of .*fcos_resnet50_fpn"):
        loaded("fasterrcnn_mobilenet_v3_large_fpn", "random")
    with pytest.raises(ModelError, match=r"has no weights 'IMAGENET1K_V1'; use one of COCO_V1, DEFAULT, `random`, or"):
        loaded(name, "IMAGENET1K_V1")
    with pytest.raises(ModelError, match=r"by their names alone; leave backbone.match out"):
        loaded(name, "random", match="order")
    torch.save({"backbone.features.0.0.0.weight": torch.zeros(16, 3, 5, 5)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match=r"other.pth' does not fit this model: size mismatch for backbone.features.0"):
        loaded(name, str(tmp_path / "other.pth"))
    torch.save({"backbone.features.0.0.0.weight": torch.zeros(16, 3, 3, 3)}, tmp_path / "half.pth")
    with pytest.raises(ModelError, match=r"it has no backbone.features.0.0.1.weight; set backbone.name to the model"):
        loaded(name, str(tmp_path / "half.pth"))
    whole = loaded(name, "random")
    with pytest.raises(ModelError, match=r"the backbone is a whole SSD; set train.detector to ssdlite"):
        BoxLearning(BoxCodec(CLASSES, "fcos")).head(whole.width)
    assert BoxLearning(BoxCodec(CLASSES, "ssdlite")).head(whole.width)
    settings = PyramidBackboneSettings(name=name, weights="random", image_size=SIZE)
    with pytest.raises(ModelError, match=r"is a whole model, which finds objects in images; use another backbone here"):
        load_pretrained(settings, Path(), FINE_PYRAMID, ["image"])
