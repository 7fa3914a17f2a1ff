"""Whole detectors of transformers: their weights arrive, their losses are those of the library, and they go back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoImageProcessor, AutoModelForObjectDetection, pipeline

from finetrail.contents.image.fitted.settings import PyramidBackboneSettings
from finetrail.errors import ModelError
from finetrail.exports.forms import write_form
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.detections import Detections
from finetrail.targets.boxes.finding import found_in
from finetrail.targets.boxes.learning import BoxLearning
from finetrail.tasks.registry import get_task, load_model
from finetrail.tasks.task import Built
from tests.drawn import drawn, png

pytestmark = pytest.mark.slow

CLASSES = ("circle", "square")
SIZE = 64
KINDS = {"detr": "detr", "yolos": "detr", "rt_detr": "rt_detr"}
PIXELS = torch.randint(0, 256, (2, 3, SIZE, SIZE), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
TARGETS = torch.tensor([[[4.0, 4, 40, 40, 0], [20, 30, 44, 60, 1]], [[20.0, 8, 60, 60, 1], [0, 0, 0, 0, -1]]])


def small(kind: str) -> Any:
    """The configuration of a tiny one with our classes."""
    from transformers import DetrConfig, ResNetConfig, RTDetrConfig, RTDetrResNetConfig, YolosConfig

    body: Any = {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1] * 4, "layer_type": "basic"}
    names = {"id2label": dict(enumerate(CLASSES)), "label2id": {name: at for at, name in enumerate(CLASSES)}}
    if kind == "yolos":
        sizes: Any = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
        return YolosConfig(**sizes, **names, image_size=[SIZE, SIZE], num_detection_tokens=12)
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 2, "num_queries": 12, "encoder_ffn_dim": 16}
    sizes |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 16}
    if kind == "detr":
        return DetrConfig(backbone_config=ResNetConfig(**body, out_features=["stage4"]), **sizes, **names)
    widths: Any = {"encoder_in_channels": [8, 16, 16], "encoder_hidden_dim": 16, "decoder_in_channels": [16] * 3}
    inner = RTDetrResNetConfig(**body, out_features=["stage2", "stage3", "stage4"])
    return RTDetrConfig(backbone_config=inner, **sizes, **widths, **names, hidden_expansion=1.0)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each kind as its library saves it; its class layer is sure of something."""
    found = {}
    for kind in KINDS:
        found[kind] = tmp_path_factory.mktemp(kind)
        torch.manual_seed(2)
        model: Any = AutoModelForObjectDetection.from_config(small(kind), trust_remote_code=False)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "class_labels" in name or "class_embed" in name or "enc_score" in name:
                    weight.normal_()
                elif "bbox" in name:
                    weight.normal_(std=0.3)
        model.save_pretrained(found[kind])
        write: dict[str, Any] = {
            "image_processor_type": "RTDetrImageProcessor",
            "size": {"height": SIZE, "width": SIZE},
        }
        write |= {"do_normalize": False, "do_rescale": True, "rescale_factor": 1 / 255, "resample": 2}
        (found[kind] / "preprocessor_config.json").write_text(json.dumps(write), encoding="utf-8")
    return found


def built(kind: str, folder: Path, threshold: float = 0.5) -> Built:
    settings = PyramidBackboneSettings(name="transformers", weights=str(folder))
    learning = BoxLearning(BoxCodec(CLASSES, KINDS[kind], threshold=threshold))
    torch.manual_seed(0)
    return get_task("object-detection").build(settings, learning, Path(), ("image",))


def give_classes(head: Any, folder: Path) -> Any:
    """Put the library's own class layers into a head of ours. Returns: the library's model."""
    whole: Any = AutoModelForObjectDetection.from_pretrained(folder, trust_remote_code=False).eval()
    own = {key: one for key, one in whole.state_dict().items() if key in head.above.state_dict()}
    head.above.load_state_dict(own, strict=False)
    return whole


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_arrive_and_the_loss_of_each_image_is_that_of_transformers(
    kind: str, folders: dict[str, Path]
) -> None:
    ours = built(kind, folders[kind])
    fresh = {key: one.clone() for key, one in ours.model.head.state_dict().items()}
    whole = give_classes(ours.model.head, folders[kind])
    changed = {key for key, one in ours.model.head.state_dict().items() if not torch.equal(one, fresh[key])}
    assert changed, "the class layer is a new one"
    assert all("class" in key or "enc_score" in key for key in changed)
    ours.model.train()  # nothing in it is drawn
    outputs = ours.model({"pixels": PIXELS})
    losses = ours.learning.detector.image_losses(outputs, TARGETS)  # type: ignore[attr-defined]
    for row, objects in enumerate(TARGETS):
        real = objects[objects[:, 4] >= 0]
        sides = real[:, 2:4] - real[:, :2]
        labels = {
            "class_labels": real[:, 4].long(),
            "boxes": torch.cat([(real[:, :2] + real[:, 2:4]) / 2, sides], dim=1) / SIZE,
        }
        with torch.no_grad():
            theirs = whole(pixel_values=PIXELS[row : row + 1] / 255, labels=[labels])
        count, logits = theirs.logits.shape[1:]
        torch.testing.assert_close(outputs[row, :count, :logits], theirs.logits[0], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(outputs[row, :count, logits : logits + 4], theirs.pred_boxes[0], rtol=0, atol=1e-4)
        torch.testing.assert_close(losses[row], theirs.loss, rtol=1e-3, atol=1e-3)
    losses.sum().backward()
    assert [key for key, weight in ours.model.head.named_parameters() if weight.grad is None] == []
    alone = ours.learning.detector.image_losses(outputs[1:], TARGETS[1:])  # type: ignore[attr-defined]
    torch.testing.assert_close(alone, losses[1:])
    assert torch.isfinite(ours.learning.detector.image_losses(outputs, TARGETS * 0 - 1)).all()  # type: ignore[attr-defined]
    broken = outputs.detach().clone()
    broken[0, 0, 0] = torch.nan
    assert ours.learning.detector.image_losses(broken, TARGETS).isnan().tolist() == [True, False]  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_one_goes_back_to_transformers_whose_pipeline_answers_alike(
    kind: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    model = built(kind, folders[kind], threshold=0.4)
    give_classes(model.model.head, folders[kind])
    settings = PyramidBackboneSettings(name="transformers", weights=str(folders[kind]))
    model.task.save(model, settings, tmp_path / "model")
    again = load_model(tmp_path / "model")
    (tmp_path / "out").mkdir()
    done = write_form(again, "hf", tmp_path / "out")
    assert done.library == "transformers"

    photo = png(drawn(1, (128, 96))[0], 6)
    (tmp_path / "out" / "image.png").write_bytes(photo)
    inputs = again.processor.encode([photo])
    with torch.no_grad():
        outputs = again.model(inputs.batch([0]))
    kept = again.learning.keep(outputs, {})
    (boxes,) = again.codec.say(again.learning.answers(kept, inputs))["objects"]
    assert len(boxes) > 1

    processor = AutoImageProcessor.from_pretrained(tmp_path / "out", backend="pil", trust_remote_code=False)
    find: Any = pipeline("object-detection", model=str(tmp_path / "out"), image_processor=processor)
    found = find(str(tmp_path / "out" / "image.png"), threshold=0.4)
    named = as_detections([{"label": one["label"], "score": one["score"], **one["box"]} for one in found])
    assert as_detections(boxes).apart(named) < 0.02, "the pipeline rounds boxes to whole pixels"

    answered = subprocess.run(
        [sys.executable, "-c", str(done.snippet)], cwd=tmp_path / "out", capture_output=True, text=True
    )
    assert answered.returncode == 0, answered.stderr
    lines = [line.split() for line in answered.stdout.splitlines()]
    assert [line[1] for line in lines] == [box["label"] for box in boxes]
    for line, box in zip(lines, boxes, strict=True):
        assert list(map(float, line[2:])) == pytest.approx(list(box.values())[1:], abs=0.06)


def as_detections(boxes: list[dict[str, Any]]) -> Detections:
    """Of an image of 128 x 96 pixels, the surest first; what is outside of it is cut off."""
    boxes = sorted(boxes, key=lambda box: -box["score"])
    corners = np.array([[box[name] for name in ("xmin", "ymin", "xmax", "ymax")] for box in boxes], dtype=np.float32)
    numbers = np.array([CLASSES.index(box["label"]) for box in boxes], dtype=np.int64)
    scores = np.array([box["score"] for box in boxes], dtype=np.float32)
    return Detections(corners.clip(0, [128, 96, 128, 96]), numbers, scores, (128, 96))


def test_no_box_of_a_query_is_left_out_for_another(folders: dict[str, Path]) -> None:
    ours = built("detr", folders["detr"])
    outputs = ours.model({"pixels": PIXELS})[0].detach()
    outputs[:, :3] = torch.tensor([0.0, 5.0, 0.0])
    outputs[:, 3:7] = 0.5
    found = found_in(ours.learning.detector, outputs)  # type: ignore[attr-defined]
    assert len(found) == 12
    assert (found[:, 4] == 1).all()


def test_what_cannot_be_is_refused_with_what_can(folders: dict[str, Path]) -> None:
    task = get_task("object-detection")
    settings = PyramidBackboneSettings(name="transformers", weights=str(folders["rt_detr"]))
    with pytest.raises(ModelError, match=r"is a whole RTDetrForObjectDetection; set train.detector to rt_detr"):
        task.build(settings, BoxLearning(BoxCodec(CLASSES, "fcos")), Path(), ("image",))
    settings = PyramidBackboneSettings(name="timm/test_resnet", weights="random", image_size=64)
    with pytest.raises(
        ModelError, match=r"belongs to whole detectors of transformers, and .* or train.detector to fcos"
    ):
        task.build(settings, BoxLearning(BoxCodec(CLASSES, "detr")), Path(), ("image",))
    assert task.build(settings, BoxLearning(BoxCodec(CLASSES, "fcos")), Path(), ("image",))
