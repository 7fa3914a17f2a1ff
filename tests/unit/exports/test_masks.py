"""SegFormer comes from transformers' folders, and goes back to one that transformers answers by as the model does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from finetrail.contents.image.fitted.settings import PyramidBackboneSettings
from finetrail.exports.asked import compared
from finetrail.exports.forms import Form, write_form
from finetrail.inference.predict import predict
from finetrail.targets.masks import MASKS
from finetrail.targets.masks.codec import MaskCodec
from finetrail.targets.masks.learning import MaskLearning
from finetrail.targets.masks.raster import numbers_of
from finetrail.targets.same_number import Questions
from finetrail.targets.target import metric_named
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built
from tests.drawn import MASKED, drawn, mask_of, png

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]

SIZES = [(64, 64), (96, 40), (60, 80)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole SegFormer of other classes, as the hub has them."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

    found = tmp_path_factory.mktemp("segformer")
    sizes = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]}
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = SegformerForSemanticSegmentation(SegformerConfig(**sizes, decoder_hidden_size=16, num_labels=5))
        model.save_pretrained(found)
    SegformerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(found)
    return found


@pytest.fixture(scope="module")
def built(folder: Path) -> Built:
    settings = PyramidBackboneSettings(name="transformers", weights=str(folder))
    torch.manual_seed(0)
    learning = MaskLearning(MaskCodec(MASKED, "segformer", 64))
    found = get_task("image-segmentation").build(settings, learning, Path(), ("image",))
    with torch.no_grad():
        for parameter in found.model.head.parameters():
            parameter.mul_(1.5)
        found.model.head.get_submodule("decoder.classifier").bias.zero_()  # type: ignore[operator]
    found.model.eval()
    return found


def test_the_backbone_is_that_of_the_folder_with_a_map_of_each_stage(built: Built, folder: Path) -> None:
    from transformers import SegformerForSemanticSegmentation

    backbone: Any = built.model.backbone
    whole = SegformerForSemanticSegmentation.from_pretrained(folder).eval()
    pixels = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    with torch.no_grad():
        maps = backbone.pyramid.maps(backbone({"pixels": pixels}))
        theirs = whole(pixel_values=pixels * backbone.scale + backbone.shift, output_hidden_states=True)
    for one, other in zip(maps, theirs.hidden_states, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def _asked(built: Built) -> Questions:
    shapes = [drawn(seed, size) for seed, size in enumerate(SIZES, start=1)]
    contents: list[Any] = [png(image) for image, _ in shapes]
    inputs = built.processor.encode(contents)
    answers = built.learning.answers(predict(built.model, inputs, built.learning.keep, 2), inputs)
    labels = [
        MaskCodec(MASKED).answer(np.asarray(mask_of(boxes, size)))
        for (_, boxes), size in zip(shapes, SIZES, strict=True)
    ]
    return Questions(built.codec, ["1", "2", "3"], labels, contents, answers)


@pytest.mark.parametrize(("form", "library"), [("hf", "transformers"), ("onnx", "onnx")])
def test_the_code_of_the_card_answers_as_the_model_whatever_the_shape(
    built: Built, tmp_path: Path, form: Form, library: str
) -> None:
    done = write_form(built, form, tmp_path)
    assert done.library == library
    questions = _asked(built)
    assert len({*np.concatenate([numbers_of(one, MASKED).ravel() for one in questions.answers.masks])}) > 1
    said = compared(built, done, tmp_path, questions, metric_named(MASKS.metrics, "mean_iou"))
    assert said.startswith("mean IoU on 3 validation rows: trained 0.")


def test_its_pipeline_gives_a_square_image_the_same_classes(built: Built, tmp_path: Path) -> None:
    from transformers import pipeline

    write_form(built, "hf", tmp_path)
    questions = _asked(built)
    image, _ = drawn(1, SIZES[0])
    found = np.full(SIZES[0], 255)
    for one in pipeline("image-segmentation", model=str(tmp_path))(image):
        assert isinstance(one["mask"], Image.Image)
        found[np.asarray(one["mask"]) > 0] = MASKED.index(one["label"])
    assert (found == numbers_of(questions.answers.masks[0], MASKED)).mean() > 0.999
