"""Answers survive files and servers, differ where they name other objects, and are apart by how far they moved."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from finetrail.errors import RefusedError
from finetrail.evaluation.report.gallery import Shown
from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.models.placements import Placements
from finetrail.targets.boxes import BOXES
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.detections import BoxAnswers, Detections
from finetrail.targets.boxes.reading import Annotation, Box, boxes_of
from tests.unit.targets.boxes.images import CLASSES, CODEC, SIZE, drawn_images

LABELS, ANSWERS = drawn_images(7, 12)


def same(one: BoxAnswers, other: BoxAnswers) -> bool:
    pairs = zip(one.found, other.found, strict=True)
    equal = [
        np.array_equal(a.boxes, b.boxes)
        and np.array_equal(a.classes, b.classes)
        and np.array_equal(a.scores, b.scores)
        and a.size == b.size
        for a, b in pairs
    ]
    return all(equal) and np.array_equal(one.given, other.given)


def moved(answers: BoxAnswers, by: float) -> BoxAnswers:
    return CODEC.answered([replace(one, boxes=one.boxes + np.float32(by)) for one in answers.found])


def test_files_and_model_json_give_them_back(tmp_path: object) -> None:
    frame = pd.DataFrame(CODEC.columns(ANSWERS))
    file = f"{tmp_path}/predictions.parquet"
    frame.to_parquet(file)
    assert same(CODEC.read(pd.read_parquet(file)), ANSWERS)
    assert BOXES.codec(json.loads(json.dumps(CODEC.described()))) == CODEC


def test_what_is_served_is_heard_as_it_was_meant() -> None:
    said = json.loads(json.dumps(CODEC.say(ANSWERS)))
    assert same(CODEC.heard(said, ANSWERS), ANSWERS)
    row = int(np.argmax(ANSWERS.given > 1))
    said["objects"][row] = said["objects"][row][1:]
    heard = CODEC.heard(said, ANSWERS)
    assert heard.given[row] == ANSWERS.given[row] - 1
    assert len(heard.found[row]) == len(ANSWERS.found[row]) - 1
    said["objects"][row][0]["label"] = "unheard"
    with pytest.raises(ValueError, match="unheard"):
        CODEC.heard(said, ANSWERS)


def test_answers_to_images_half_as_large_and_mirrored_are_brought_back() -> None:
    size = np.array([[SIZE, SIZE]])
    placed = Placements(np.array([[-0.5, 0.5]]), np.array([[SIZE / 2, 0.0]]), size, (SIZE // 2, SIZE // 2))
    kept = [replace(one, boxes=one.boxes.clip(0, SIZE)) for one in ANSWERS.found]
    halved = [placed.onto(0, one.boxes.astype(np.float64)).astype(np.float32) for one in kept]
    seen = [replace(one, boxes=boxes, size=(150, 150)) for one, boxes in zip(kept, halved, strict=True)]
    back = CODEC.back(CODEC.answered(seen), [placed] * len(seen))
    assert CODEC.apart(back, CODEC.answered(kept)).max() < 1e-6
    assert back.found[0].size == (SIZE, SIZE)


def test_served_boxes_are_those_that_are_sure_enough() -> None:
    objects = CODEC.say(ANSWERS)["objects"]
    assert all(one["score"] >= np.float32(CODEC.threshold) for of_image in objects for one in of_image)
    assert [len(one) for one in objects] == [int((one.scores >= np.float32(0.4)).sum()) for one in ANSWERS.found]


def test_answers_are_apart_by_how_far_boxes_and_scores_moved() -> None:
    assert CODEC.apart(ANSWERS, ANSWERS).max() == 0
    assert 0 < CODEC.apart(ANSWERS, moved(ANSWERS, 0.03)).max() < 1e-3
    assert CODEC.apart(ANSWERS, moved(ANSWERS, 30)).max() > 0.05
    fewer = CODEC.answered([one.where(slice(1, None)) for one in ANSWERS.found])
    assert CODEC.apart(ANSWERS, fewer).max() > 0.05


def test_two_answers_differ_where_an_object_has_no_partner() -> None:
    assert not CODEC.differ(ANSWERS, moved(ANSWERS, 0.2), CODEC).any()
    others = CODEC.answered([replace(one, classes=(one.classes + 1) % 3) for one in ANSWERS.found])
    np.testing.assert_array_equal(CODEC.differ(ANSWERS, others, CODEC), ANSWERS.given > 0)


def test_a_codec_with_its_classes_in_another_order_says_the_same() -> None:
    turned = BoxCodec(CLASSES[::-1], threshold=CODEC.threshold)
    again = turned.aligned(CODEC.aligned(ANSWERS, turned), CODEC)
    assert same(again, ANSWERS)
    assert point_scores(turned.judge, LABELS, CODEC.aligned(ANSWERS, turned)) == pytest.approx(
        point_scores(CODEC.judge, LABELS, ANSWERS)
    )
    with pytest.raises(RefusedError, match="only the champion knows 'grain'"):
        BoxCodec(CLASSES[:2]).refuse_others(CODEC)


def test_broken_answers_are_seen() -> None:
    broken = Detections(np.full((1, 4), np.nan, np.float32), np.zeros(1, np.int64), np.ones(1, np.float32), (9, 9))
    np.testing.assert_array_equal(CODEC.broken(CODEC.answered([broken, Detections.none()])), [True, False])


def test_keys_and_cells_give_labels_back() -> None:
    from finetrail.targets.boxes.settings import BoxColumns

    for label in LABELS:
        read = BOXES.from_cell("here", BOXES.key(label), BoxColumns())
        assert sorted(boxes_of(read)) == sorted(boxes_of(label))


def test_a_label_is_drawn_in_pixels_of_the_upright_image_and_what_another_lacks_is_named() -> None:
    label = Annotation.of([Box("cell", 10, 20, 60, 90), Box("<b>", 100, 20, 160, 90)])
    shown = Shown("data:image/png;base64,", 150, 100, size=(300, 200))
    drawn = BOXES.picture(label, shown, Annotation.of([Box("cell", 12, 20, 60, 92)])).drawn
    assert 'viewBox="0 0 300 200"' in drawn
    assert drawn.count("object truth") == drawn.count("object hit") == 1
    assert "&lt;b&gt;</text>" in drawn
    assert ">cell</text>" not in drawn
    assert BOXES.picture(None, shown) is shown
