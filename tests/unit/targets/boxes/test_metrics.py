"""COCO's numbers are those of pycocotools and faster-coco-eval, on the images and on resamples of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrail.evaluation.scores.bootstrap import Draws, bootstrap, point_scores
from finetrail.targets.boxes.facts import facts_of
from finetrail.targets.boxes.metrics import of_area
from tests.unit.targets.boxes.images import CLASSES, CODEC, as_coco, drawn_images, faster_stats, pycoco_stats

STATS = {"map": 0, "map_50": 1, "map_75": 2, "mar_100": 8}
AREAS = {"small": (3, 9), "medium": (4, 10), "large": (5, 11)}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.3]))
def test_all_numbers_are_those_of_pycocotools(seed: int, crowds: float) -> None:
    labels, answers = drawn_images(seed, 12, crowds)
    stats = pycoco_stats(*as_coco(labels, answers, [1] * 12))
    scores = point_scores(CODEC.judge, labels, answers)
    for name, place in STATS.items():
        assert scores[name] == pytest.approx(max(0.0, stats[place]), abs=1e-9)
    facts = facts_of(labels, answers, CLASSES)
    for area, (precision, recall) in AREAS.items():
        found = of_area(facts, np.ones((1, 12), np.int64), area)
        expected = [np.nan if stats[place] < 0 else stats[place] for place in (precision, recall)]
        np.testing.assert_allclose([one[0] for one in found], expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_a_resample_is_scored_as_its_images_are_by_faster_coco_eval(seed: int) -> None:
    labels, answers = drawn_images(seed, 15)
    drawn = np.random.default_rng(seed).multinomial(15, [1 / 15] * 15, size=3)
    facts = facts_of(labels, answers, CLASSES)
    found = CODEC.judge.scores(facts, drawn)
    for row, times in enumerate(drawn.tolist()):
        stats = faster_stats(*as_coco(labels, answers, times))
        for name, place in STATS.items():
            assert found[name][row] == pytest.approx(stats[place], abs=1e-9)
        for area, (precision, recall) in AREAS.items():
            ours = of_area(facts, drawn, area)
            expected = np.where(stats < 0, np.nan, stats)[[precision, recall]]
            np.testing.assert_allclose([one[row] for one in ours], expected, atol=1e-9)


def test_the_bootstrap_of_two_models_is_paired() -> None:
    labels, answers = drawn_images(1, 20)
    resampled = bootstrap(CODEC.judge, labels, [answers, answers], Draws(50, 0))
    assert resampled.difference("map", 0, 1, 0.95).low == resampled.difference("map", 0, 1, 0.95).high == 0
    interval = resampled.interval("map", 0, 0.95)
    assert interval.low < interval.value < interval.high


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, answers = drawn_images(2, 10)
    facts, drawn = facts_of(labels, answers, CLASSES), np.random.default_rng(0).integers(0, 3, (7, 10))
    whole = CODEC.judge.scores(facts, drawn)
    monkeypatch.setattr("finetrail.targets.boxes.metrics.BLOCK", 300)
    for name, values in CODEC.judge.scores(facts, drawn).items():
        np.testing.assert_array_equal(values, whole[name])


def test_an_object_of_a_class_that_the_model_does_not_know_is_one_that_it_cannot_find() -> None:
    labels, answers = drawn_images(3, 12, 0.0)
    known = point_scores(CODEC.judge, labels, answers)
    labels[0].append({"label": "new", "xmin": 0.0, "ymin": 0.0, "xmax": 9.0, "ymax": 9.0, "crowd": False})
    with_new = point_scores(CODEC.judge, labels, answers)
    assert with_new["map"] == pytest.approx(known["map"] * 3 / 4)
    assert with_new["f1"] < known["f1"]


def test_f1_counts_answers_alone() -> None:
    labels, answers = drawn_images(4, 12, 0.0)
    right = answered = 0
    for label, one in zip(labels, answers.answers, strict=True):
        free = [(box["label"], [box[name] for name in ("xmin", "ymin", "xmax", "ymax")]) for box in label]
        answered += len(one)
        for number, corners in zip(one.classes.tolist(), one.boxes.tolist(), strict=True):
            near = [(iou(corners, box), place) for place, (name, box) in enumerate(free) if name == CLASSES[number]]
            overlap, place = max(near, default=(0.0, 0))
            if overlap >= 0.5:
                free.pop(place)
                right += 1
    objects = sum(map(len, labels))
    assert point_scores(CODEC.judge, labels, answers)["f1"] == pytest.approx(2 * right / (answered + objects))


def iou(one: list[float], other: list[float]) -> float:
    wide, high = (min(one[at + 2], other[at + 2]) - max(one[at], other[at]) for at in (0, 1))
    shared = max(0.0, wide) * max(0.0, high)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)
