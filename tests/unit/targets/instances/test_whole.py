"""torchvision's Mask R-CNN: its weights arrive, and objects are found and drawn as it does."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from finetrail.contents.image.fitted.settings import PyramidBackboneSettings
from finetrail.errors import ModelError
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.detectors import faster_rcnn
from finetrail.targets.boxes.learning import BoxLearning
from finetrail.targets.instances.codec import InstanceCodec
from finetrail.targets.instances.learning import InstanceLearning
from finetrail.targets.instances.mask_rcnn import BOX, SIDE
from finetrail.tasks.registry import get_task, load_model
from tests.unit.targets.torchvisions import CLASSES, PIXELS, SIZE, make_cheap, saved, whole_model

pytestmark = pytest.mark.slow

TASK = get_task("image-segmentation", "instance_segmentation")
LEARNING = InstanceLearning(InstanceCodec(CLASSES))


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    make_cheap(monkeypatch)


def settings_of(name: str, weights: str) -> PyramidBackboneSettings:
    return PyramidBackboneSettings(name=name, weights=weights, image_size=SIZE)


def test_objects_are_found_and_drawn_as_torchvision_does(tmp_path: Path) -> None:
    name = "maskrcnn_resnet50_fpn_v2"
    size = {"min_size": SIZE, "max_size": SIZE}
    whole = whole_model(name, num_classes=len(CLASSES) + 1, **faster_rcnn.OPTIONS, **size)
    whole.transform.postprocess = lambda found, *sizes: found  # masks in their boxes
    settings = settings_of(name, saved(name, whole, tmp_path))
    built: Any = TASK.build(settings, LEARNING, Path(), ("image",))
    predictor, head = whole.roi_heads.box_predictor, built.model.head
    head.logits.load_state_dict(predictor.cls_score.state_dict())
    head.deltas.load_state_dict({key: value[:4] for key, value in predictor.bbox_pred.state_dict().items()})
    drawn = whole.roi_heads.mask_predictor.mask_fcn_logits.state_dict()
    assert head.mask.mask_fcn_logits.weight.shape[0] == 1, "a mask is the same for every class"
    head.mask.mask_fcn_logits.load_state_dict({key: value[:1] for key, value in drawn.items()})
    with torch.no_grad():
        outputs = built.model.eval()({"pixels": PIXELS})
        expected = whole([one / 255 for one in PIXELS])
    for ours, theirs in zip(map(LEARNING.found, outputs), expected, strict=True):
        assert len(ours) > 5, "there is something to compare"
        assert len(ours) == len(theirs["boxes"])
        boxes = torch.cat([theirs["boxes"], theirs["labels"][:, None] - 1, theirs["scores"][:, None]], dim=1)
        nearest = torch.cdist(ours[:, :BOX], boxes).argmin(dim=1)
        torch.testing.assert_close(ours[:, :BOX], boxes[nearest], rtol=0, atol=1e-2)
        masks = theirs["masks"].view(-1, SIDE**2)[nearest]
        torch.testing.assert_close(ours[:, BOX:], masks, rtol=0, atol=1e-3)

    TASK.save(built, settings, tmp_path / "model")
    with torch.no_grad():
        again = load_model(tmp_path / "model").model({"pixels": PIXELS})
    torch.testing.assert_close(again, outputs, rtol=0, atol=0)


def test_the_first_coco_weights_come_with_norms_that_add_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are found by their name in torch's cache; torchvision itself reads them there."""
    name = "maskrcnn_resnet50_fpn"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    state = whole_model(name).state_dict()
    state["backbone.body.bn1.running_var"].fill_(1e-5)  # as much as an epsilon
    url = torchvision.models.get_model_weights(name).DEFAULT.url
    torch.save(state, tmp_path / "hub" / "checkpoints" / url.rpartition("/")[2])
    whole: Any = torchvision.models.get_model(name, weights="DEFAULT").eval()
    ours: Any = TASK.build(settings_of(name, "DEFAULT"), LEARNING, Path(), ("image",)).model.eval()
    images = torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps = ours.backbone.network.maps(images)
        for mine, its in zip(maps, whole.backbone.body(images).values(), strict=True):
            torch.testing.assert_close(mine, its, rtol=1e-3, atol=1e-3)


def test_what_draws_no_masks_or_finds_more_than_boxes_is_refused() -> None:
    with pytest.raises(ModelError, match=r"a whole SSD, which draws no masks; set backbone.name to maskrcnn_resnet50"):
        TASK.build(settings_of("ssdlite320_mobilenet_v3_large", "random"), LEARNING, Path(), ("image",))
    settings, boxes = settings_of("maskrcnn_resnet50_fpn", "random"), BoxLearning(BoxCodec(CLASSES, "faster_rcnn"))
    with pytest.raises(ModelError, match=r"a whole MaskRCNN; set backbone.name to fasterrcnn_resnet50_fpn_v2"):
        get_task("object-detection").build(settings, boxes, Path(), ("image",))
