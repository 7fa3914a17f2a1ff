"""Scores of masks are those of other libraries; resampled they are those of copies of the images."""

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_erosion, distance_transform_edt
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score, MulticlassJaccardIndex

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.targets.masks.raster import IGNORED, Pixels
from finetrail.targets.masks.scores import TOLERANCE, boundary_f1
from tests.unit.targets.masks.answered import CLASSES, CODEC, drawn_images, drawn_pixels


@pytest.mark.parametrize("images", [1, 5])
def test_scores_are_those_of_torchmetrics(images: int) -> None:
    actual, answers = drawn_pixels(1, images)
    flat = [torch.from_numpy(np.concatenate([one.ravel() for one in of])).long() for of in (answers, actual)]
    settings = {"num_classes": len(CLASSES), "ignore_index": IGNORED}
    labels, said = drawn_images(1, images)
    found = point_scores(CODEC.judge, labels, said)
    assert found["mean_iou"] == pytest.approx(MulticlassJaccardIndex(**settings)(*flat).item(), abs=1e-6)
    assert found["dice"] == pytest.approx(MulticlassF1Score(**settings)(*flat).item(), abs=1e-6)
    micro = MulticlassAccuracy(average="micro", **settings)(*flat).item()
    assert found["pixel_accuracy"] == pytest.approx(micro, abs=1e-6)


def by_distance(actual: Pixels, answer: Pixels) -> float:
    """Boundary F1 by distances to every pixel of an image."""
    edges = [one & ~binary_erosion(one, border_value=1) for one in (actual, answer)]
    away = [distance_transform_edt(~edge) <= TOLERANCE * np.hypot(*actual.shape) for edge in edges]
    precision, recall = away[0][edges[1]].mean(), away[1][edges[0]].mean()
    return float(2 * precision * recall / (precision + recall))


def test_boundary_f1_is_that_of_distances_to_every_pixel() -> None:
    y, x = np.mgrid[:300, :400]
    actual = (x - 150) ** 2 + (y - 120) ** 2 < 70**2
    answer = ((x - 153) / 1.1) ** 2 + (y - 121) ** 2 < 70**2
    found = boundary_f1(actual, answer, np.zeros_like(actual))
    assert found == pytest.approx(by_distance(actual, answer))
    assert found is not None
    assert 0 < found < 1


def test_what_is_ignored_has_no_boundary_and_a_class_without_one_does_not_count() -> None:
    whole = np.ones((20, 20), dtype=np.bool_)
    half = whole & (np.arange(20) < 10)
    nothing = np.zeros_like(whole)
    assert boundary_f1(whole, whole, nothing) is None
    assert boundary_f1(half, whole, ~half) is None
    assert boundary_f1(half, whole, nothing) == 0


def test_resampled_scores_are_those_of_as_many_copies() -> None:
    labels, answers = drawn_images(2, 4)
    times = np.array([[2, 0, 1, 3]])
    found = CODEC.judge.scores(CODEC.judge.facts(labels, answers), times)
    rows = np.repeat(np.arange(4), times[0]).tolist()
    copies = type(answers)([answers.masks[row] for row in rows], answers.confidence[rows])
    expected = point_scores(CODEC.judge, [labels[row] for row in rows], copies)
    assert {name: values[0] for name, values in found.items()} == pytest.approx(expected)


def test_a_perfect_answer_has_no_error_and_the_commonest_class_is_the_best_constant() -> None:
    labels, _ = drawn_images(3, 3)
    judge = CODEC.judge
    constant = judge.constant(labels)
    values = [
        point_scores(judge, labels, type(constant)([one] * 3, np.ones(3)))["pixel_accuracy"] for one in all_same()
    ]
    assert point_scores(judge, labels, constant)["pixel_accuracy"] == pytest.approx(max(values))
    actual, _ = drawn_pixels(3, 3)
    right = type(constant)([CODEC.answer(np.where(one == IGNORED, 0, one)) for one in actual], np.ones(3))
    assert point_scores(judge, labels, right) == dict.fromkeys(
        ("boundary_f1", "pixel_accuracy", "dice", "mean_iou"), 1.0
    )
    assert judge.row_errors(labels, right).tolist() == [0, 0, 0]
    for counts, good in judge.groups(labels, right).values():
        assert good[counts].all()


def all_same() -> list[dict[str, object]]:
    return [CODEC.answer(np.full((20, 20), number, dtype=np.uint8)) for number in range(len(CLASSES))]
