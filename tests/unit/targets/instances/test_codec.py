"""Masks survive files and servers, and are apart by the pixels that only one of two has."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from finetrail.models.placements import Placements
from finetrail.targets.boxes.detections import BoxAnswers
from finetrail.targets.instances import INSTANCES
from finetrail.targets.instances.objects import label_of
from finetrail.targets.masks.raster import counts_of, pixels_of
from tests.unit.targets.boxes.images import CLASSES, SIZE
from tests.unit.targets.boxes.test_codec import same as same_boxes
from tests.unit.targets.instances.images import CODEC, drawn_masks

LABELS, ANSWERS = drawn_masks(7, 6)


def same(one: BoxAnswers, other: BoxAnswers) -> bool:
    masks = [
        np.array_equal(np.asarray(a.masks), np.asarray(b.masks)) for a, b in zip(one.found, other.found, strict=True)
    ]
    return same_boxes(one, other) and all(masks)


def shifted(answers: BoxAnswers, by: int) -> BoxAnswers:
    return CODEC.answered(
        [
            replace(
                one,
                masks=np.array(
                    [counts_of(np.roll(pixels_of(mask, SIZE, SIZE), by, axis=1)) for mask in np.asarray(one.masks)],
                    dtype=np.object_,
                ),
            )
            for one in answers.found
        ]
    )


def test_files_and_model_json_give_them_back(tmp_path: object) -> None:
    frame = pd.DataFrame(CODEC.columns(ANSWERS))
    file = f"{tmp_path}/predictions.parquet"
    frame.to_parquet(file)
    assert same(CODEC.read(pd.read_parquet(file)), ANSWERS)
    assert INSTANCES.codec(json.loads(json.dumps(CODEC.described()))) == CODEC
    with pytest.raises(ValueError, match="no column 'masks'"):
        CODEC.read(frame.drop(columns="masks"))


def test_what_is_served_is_heard_as_it_was_meant() -> None:
    said = json.loads(json.dumps(CODEC.say(ANSWERS)))
    first = next(one for objects in said["objects"] for one in objects)
    assert list(first) == ["label", "score", "xmin", "ymin", "xmax", "ymax", "width", "height", "counts"]
    assert [first["width"], first["height"]] == [SIZE, SIZE]
    assert same(CODEC.heard(said, ANSWERS), ANSWERS)
    row = int(np.argmax(ANSWERS.given > 1))
    said["objects"][row] = said["objects"][row][1:]
    heard = CODEC.heard(said, ANSWERS)
    assert heard.given[row] == ANSWERS.given[row] - 1
    assert len(np.asarray(heard.found[row].masks)) == len(heard.found[row])


def test_answers_are_apart_by_the_pixels_that_differ() -> None:
    assert CODEC.apart(ANSWERS, ANSWERS).max() == 0
    few, many = (CODEC.apart(ANSWERS, shifted(ANSWERS, by)).max() for by in (1, 20))
    tallest = max(
        int(pixels_of(mask, SIZE, SIZE).any(axis=1).sum()) for one in ANSWERS.found for mask in np.asarray(one.masks)
    )
    assert 0 < few <= 2 * tallest / SIZE**2 + 1e-9
    assert many > few


def test_a_codec_with_its_classes_in_another_order_says_the_same() -> None:
    turned = replace(CODEC, classes=CLASSES[::-1])
    assert same(turned.aligned(CODEC.aligned(ANSWERS, turned), CODEC), ANSWERS)
    assert CODEC.unknown([*LABELS, {"regions": [{"label": "new"}]}]) == "class 'new', which is none of the 3"
    assert CODEC.unknown(LABELS) == ""


def test_an_answer_is_a_label_as_people_may_correct_it() -> None:
    label = label_of(ANSWERS.found[0], CLASSES)
    assert CODEC.label(ANSWERS, 0) == label_of(ANSWERS.answers[0], CLASSES)
    assert len(label["regions"]) == len(ANSWERS.found[0])
    assert INSTANCES.key(INSTANCES.from_cell("here", INSTANCES.key(label), None)) == INSTANCES.key(label)


def test_answers_to_a_mirrored_image_come_back_with_their_boxes() -> None:
    sizes = np.array([[SIZE, SIZE]])
    mirrored = Placements(np.array([[-1.0, 1.0]]), np.array([[float(SIZE), 0.0]]), sizes, (SIZE, SIZE))
    again = CODEC.back(CODEC.back(ANSWERS, [mirrored] * len(ANSWERS)), [mirrored] * len(ANSWERS))
    assert CODEC.apart(again, ANSWERS).max() < 0.2, "boxes are cut off at the edges"
    for one, other in zip(again.found, ANSWERS.found, strict=True):
        np.testing.assert_array_equal(np.asarray(one.masks), np.asarray(other.masks))
