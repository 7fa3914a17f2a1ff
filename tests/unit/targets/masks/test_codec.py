"""Masks are written down, served and compared without loss."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as coco

from finetrail.errors import RefusedError
from finetrail.evaluation.report.gallery import Shown
from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.evaluation.slices import SplitRows
from finetrail.models.placements import Placements
from finetrail.serving.answer_types import arrow_type, mlflow_type
from finetrail.targets.masks import MASKS
from finetrail.targets.masks.answers import MaskAnswers
from finetrail.targets.masks.codec import MaskCodec
from finetrail.targets.masks.raster import numbers_of
from tests.drawn import MASKED, drawn, mask_of, png
from tests.unit.targets.masks.answered import CLASSES, CODEC, drawn_images, drawn_pixels


def test_what_is_written_is_read() -> None:
    _, answers = drawn_images(1, 4)
    again = CODEC.read(pd.DataFrame(CODEC.columns(answers)))
    assert list(again.masks) == list(answers.masks)
    assert CODEC.apart(answers, again).max() == 0
    with pytest.raises(ValueError, match="it has no column 'regions'"):
        CODEC.read(pd.DataFrame({"width": [1], "height": [1], "confidence": [1.0]}))
    with pytest.raises(ValueError, match="it holds class 'grain', which is none of the 3"):
        replace(CODEC, classes=CLASSES[:3]).read(pd.DataFrame(CODEC.columns(answers)))


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools
def test_a_served_answer_is_read_by_pycocotools_and_as_an_image() -> None:
    _, pixels = drawn_pixels(1, 3)
    _, answers = drawn_images(1, 3)
    said = json.loads(json.dumps(CODEC.say(answers)))
    assert set(said) == set(CODEC.kinds)
    for kind in CODEC.kinds.values():
        assert mlflow_type(kind) is not None
        assert arrow_type(kind) is not None
    for masks, image, expected in zip(said["masks"], said["png"], pixels, strict=True):
        assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(image)))) == expected).all()
        for one in masks:
            decoded = coco.decode({"size": [one["height"], one["width"]], "counts": one["counts"]})
            assert (decoded == (expected == CLASSES.index(one["label"]))).all()
        assert {one["label"] for one in masks} == {CLASSES[number] for number in np.unique(expected)} - {"background"}
    assert CODEC.apart(CODEC.heard(said, answers), answers).max() == 0
    said["masks"][0][0]["label"] = "ghost"
    with pytest.raises(ValueError, match="it names class 'ghost'"):
        CODEC.heard(said, answers)


def test_answers_to_images_twice_as_large_and_mirrored_are_brought_back() -> None:
    _, answers = drawn_images(2, 3)
    actual = [numbers_of(mask, CLASSES) for mask in answers.masks]
    seen = [np.repeat(np.repeat(one[:, ::-1], 2, axis=0), 2, axis=1) for one in actual]
    sizes = [one.shape[::-1] for one in actual]
    placed = [
        Placements(
            np.array([[-2.0, 2.0]]), np.array([[2.0 * wide, 0.0]]), np.array([[wide, high]]), (2 * wide, 2 * high)
        )
        for wide, high in sizes
    ]
    back = CODEC.back(MaskAnswers([CODEC.answer(one) for one in seen], answers.confidence), placed)
    assert [list(one["regions"]) for one in back.masks] == [list(one["regions"]) for one in answers.masks]


def test_a_label_is_drawn_over_its_image_with_the_names_of_its_classes() -> None:
    (label,), _ = drawn_images(4, 1)
    shown = Shown("data:image/png;base64,", 90, 60, size=(300, 200))
    picture = MASKS.picture(label, shown).drawn
    assert 'viewBox="0 0 90 60"' in picture
    assert picture.count("<image") == 2
    assert {name for name in CLASSES if f">{name}</text>" in picture} == {"cell", "dust"}
    assert MASKS.picture(None, shown) is shown


def test_answers_lie_apart_by_the_share_of_other_pixels() -> None:
    _, pixels = drawn_pixels(1, 2)
    changed = [one.copy() for one in pixels]
    changed[1][:3] = (changed[1][:3] + 1) % 4
    one, other = (
        type(drawn_images(1, 1)[1])([CODEC.answer(image) for image in images], np.ones(2))
        for images in (pixels, changed)
    )
    assert CODEC.apart(one, other).tolist() == pytest.approx([0, 3 / len(pixels[1])])
    assert CODEC.differ(one, other, CODEC).tolist() == [False, True]
    reordered = MaskCodec(tuple(reversed(CLASSES)))
    assert CODEC.apart(CODEC.aligned(one, reordered), one).max() == 0
    assert (numbers_of(one.masks[0], reordered.classes) == 3 - pixels[0]).all()
    with pytest.raises(RefusedError, match="only the challenger knows 'grain'"):
        CODEC.refuse_others(MaskCodec(CLASSES[:3]))


def test_the_threshold_of_brightness_that_divides_two_classes_is_found() -> None:
    codec = MaskCodec(("background", "shape"))
    found = [drawn(seed) for seed in range(1, 5)]
    labels = [codec.answer(np.minimum(np.asarray(mask_of(boxes)), 1)) for _, boxes in found]
    rows = SplitRows(labels, [None] * 4, lambda: [png(image, turned=6) for image, _ in found])
    rivals = codec.judge.rivals(rows, lambda: rows)
    assert list(rivals) == ["the commonest class", "a threshold of brightness"]
    assert point_scores(codec.judge, labels, rivals["a threshold of brightness"])["mean_iou"] > 0.99
    assert list(MaskCodec(MASKED).judge.rivals(rows, lambda: rows)) == ["the commonest class"]


def test_damaged_exif_data_does_not_end_the_comparison_with_brightness() -> None:
    codec, (photo, boxes) = MaskCodec(("background", "shape")), drawn(1)
    label = codec.answer(np.minimum(np.asarray(mask_of(boxes)), 1))
    file = io.BytesIO()
    photo.save(file, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 30)
    rows = SplitRows([label], [None], lambda: [file.getvalue()])
    assert "a threshold of brightness" in codec.judge.rivals(rows, lambda: rows)
