"""COCO's numbers for masks are those of pycocotools and faster-coco-eval, and boxes have theirs beside them."""

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.evaluation.scores.bootstrap import Draws, point_scores
from finetrail.targets.boxes.metrics import of_area
from finetrail.targets.masks.label import Region
from finetrail.targets.masks.raster import areas_of, counts_of
from finetrail.targets.masks.reading import Mask
from tests.unit.targets.boxes.images import CLASSES, SIZE, faster_stats, pycoco_stats
from tests.unit.targets.instances.images import CODEC, drawn_masks, masks_as_coco

STATS = {"map": 0, "map_50": 1, "map_75": 2, "mar_100": 8}
AREAS = {"small": (3, 9), "medium": (4, 10), "large": (5, 11)}
JUDGE = CODEC.judge


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools
@pytest.mark.parametrize(("seed", "crowds"), [(0, 0.0), (1, 0.3), (2, 0.1)])
def test_all_numbers_are_those_of_pycocotools(seed: int, crowds: float) -> None:
    labels, answers = drawn_masks(seed, 10, crowds)
    truth, results = masks_as_coco(labels, answers, [1] * 10)
    # With boxes beside them, pycocotools takes the areas of boxes.
    masks = [{key: one[key] for key in one if key != "bbox"} for one in results]
    segments = pycoco_stats(copy.deepcopy(truth), masks, "segm")
    scores = point_scores(JUDGE, labels, answers)
    for name, place in STATS.items():
        assert scores[f"mask_{name}"] == pytest.approx(segments[place], abs=1e-9)
    facts = JUDGE.decisive(JUDGE.facts(labels, answers))
    for area, (precision, recall) in AREAS.items():
        found = [one[0] for one in of_area(facts, np.ones((1, 10), np.int64), area)]
        expected = [np.nan if segments[place] < 0 else segments[place] for place in (precision, recall)]
        np.testing.assert_allclose(found, expected, atol=1e-9)
    boxes = pycoco_stats(truth, [{key: one[key] for key in one if key != "segmentation"} for one in results])
    assert [scores["map"], scores["map_50"]] == pytest.approx([boxes[0], boxes[1]], abs=1e-9)
    assert scores["map"] != scores["mask_map"]


def test_a_resample_is_scored_as_its_images_are_by_faster_coco_eval() -> None:
    labels, answers = drawn_masks(3, 12)
    drawn = np.random.default_rng(0).multinomial(12, [1 / 12] * 12, size=2)
    found = JUDGE.scores(JUDGE.facts(labels, answers), drawn)
    for row, times in enumerate(drawn.tolist()):
        stats = faster_stats(*masks_as_coco(labels, answers, times), "segm")
        for name, place in STATS.items():
            assert found[f"mask_{name}"][row] == pytest.approx(stats[place], abs=1e-9)


def test_the_threshold_and_the_mistakes_go_by_pixels() -> None:
    labels, answers = drawn_masks(4, 12, 0.0)
    rows = pd.DataFrame({"id": [str(row) for row in range(12)], "label": labels})
    measured = JUDGE.evaluate(rows, answers, Draws(20, 0), {})
    assert list(measured.metrics) == list(point_scores(JUDGE, labels, answers))
    assert measured.objects == sum(len(label["regions"]) for label in labels)
    right = sum(not kind for row in measured.worst for kind in row.explained.kinds)
    assert right > 0
    (interval,) = [value for name, value in measured.metrics.items() if name == "mask_map"]
    assert interval.low < interval.value < interval.high
    assert {"mask_map_small", "mask_map_medium", "errors_missed"} <= set(measured.more)
    assert "map_small" not in measured.more


def test_a_find_where_pixels_are_ignored_is_no_mistake() -> None:
    _, answers = drawn_masks(5, 1, 0.0)
    everything = counts_of(np.ones((SIZE, SIZE), dtype=np.bool_))
    nothing = Mask.of(SIZE, SIZE, [])
    ignored = Mask.of(SIZE, SIZE, [Region(None, everything)])
    assert answers.given[0] > 0
    labels: list[Any] = [nothing, ignored]
    assert [JUDGE.row_errors([label], answers)[0] for label in labels] == [1, 0]


def test_the_best_constant_fills_the_mean_box_of_each_class() -> None:
    labels, _ = drawn_masks(6, 5, 0.0)
    (one, *_) = JUDGE.constant(labels).found
    assert one.size == (SIZE, SIZE)
    assert len(one) <= len(CLASSES)
    regions = [Region("", counts) for counts in np.asarray(one.masks).tolist()]
    sides = np.rint(one.boxes[:, 2:]) - np.rint(one.boxes[:, :2])
    assert areas_of(regions, SIZE, SIZE) == sides.prod(axis=1).tolist()
