"""Mistakes have kinds, thresholds are the best, and wrong labels are suspected."""

from dataclasses import replace

import numpy as np
import pytest

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.detections import Detections
from finetrail.targets.boxes.facts import facts_of
from finetrail.targets.boxes.kinds import explain
from finetrail.targets.boxes.reading import Annotation, Box, boxes_of
from finetrail.targets.boxes.threshold import fit_threshold
from tests.unit.targets.boxes.images import CLASSES, CODEC, SIZE, drawn_images

LABEL = Annotation.of([Box("cell", 0, 0, 100, 100), Box("dust", 200, 200, 260, 260)])


def found(*boxes: tuple[str, float, float, float, float]) -> Detections:
    corners = np.array([box[1:] for box in boxes], dtype=np.float32).reshape(-1, 4)
    numbers = np.array([CLASSES.index(box[0]) for box in boxes], dtype=np.int64)
    return Detections(corners, numbers, np.linspace(0.9, 0.5, len(boxes), dtype=np.float32), (300, 300))


@pytest.mark.parametrize(
    ("box", "kind", "missed"),
    [
        (("cell", 0, 0, 98, 98), "", [False, True]),
        (("grain", 0, 0, 98, 98), "class", [False, True]),
        (("cell", 60, 0, 160, 100), "place", [False, True]),
        (("grain", 60, 0, 160, 100), "both", [True, True]),
        (("cell", 120, 120, 180, 180), "background", [True, True]),
    ],
)
def test_a_mistake_has_a_kind(box: tuple[str, float, float, float, float], kind: str, missed: list[bool]) -> None:
    explained = explain(LABEL, found(box), CLASSES)
    assert explained.kinds == [kind]
    assert explained.missed.tolist() == missed


def test_the_second_box_of_an_object_is_a_duplicate() -> None:
    twice = found(("cell", 0, 0, 98, 98), ("cell", 2, 2, 100, 100))
    assert explain(LABEL, twice, CLASSES).kinds == ["", "duplicate"]


def test_an_image_without_objects_has_only_background() -> None:
    assert explain(Annotation(), found(("cell", 0, 0, 9, 9)), CLASSES).kinds == ["background"]
    assert explain(LABEL, found(), CLASSES).missed.all()


def test_the_threshold_is_that_of_the_best_f1() -> None:
    labels, answers = drawn_images(3, 25)
    fitted = fit_threshold(facts_of(labels, answers, CLASSES))

    def f1(threshold: float) -> float:
        codec = BoxCodec(CLASSES, threshold=threshold)
        return point_scores(codec.judge, labels, codec.answered(answers.found))["f1"]

    assert f1(fitted) == pytest.approx(max(f1(at) for at in np.linspace(0.045, 0.995, 96)))


def test_nothing_found_leaves_the_threshold_as_it_is() -> None:
    labels, _ = drawn_images(3, 4)
    nothing = CODEC.answered([Detections.none() for _ in labels])
    assert fit_threshold(facts_of(labels, nothing, CLASSES)) == 0.5


def test_the_error_of_an_image_is_what_its_f1_lacks_of_1() -> None:
    answers = CODEC.answered([found(("cell", 0, 0, 98, 98)), found(), found()])
    errors = CODEC.judge.row_errors([LABEL, LABEL, Annotation()], answers)
    np.testing.assert_allclose(errors, [1 / 3, 1, 0])


def test_the_f1_of_a_class_in_an_image_counts_its_false_alarms_and_only_its_own() -> None:
    answers = CODEC.answered([found(("cell", 0, 0, 98, 98), ("cell", 150, 0, 160, 9), ("dust", 200, 200, 258, 260))])
    groups = CODEC.judge.groups([LABEL], answers)
    said = {name: (bool(there[0]), float(value[0])) for name, (there, value) in groups.items()}
    f1 = "F1 of {} in an image".format
    assert said == {f1("cell"): (True, pytest.approx(2 / 3)), f1("dust"): (True, 1.0), f1("grain"): (False, 1.0)}


def test_the_best_constant_is_the_mean_box_of_each_class() -> None:
    labels = [
        Annotation.of([Box("cell", 0, 0, 10, 10), Box("dust", 5, 5, 9, 9)]),
        Annotation.of([Box("cell", 2, 2, 20, 20)]),
    ]
    answers = CODEC.judge.constant(labels)
    assert answers.found[0].boxes.tolist() == [[1, 1, 15, 15], [5, 5, 9, 9]]
    assert answers.found[0].scores.tolist() == [1, 0.5]
    assert len(answers) == 2


def test_a_box_that_was_left_out_makes_its_image_suspicious() -> None:
    corners = [("cell", 0.0, 0.0), ("dust", 200.0, 0.0), ("cell", 0.0, 200.0), ("grain", 200.0, 200.0)]
    whole = Annotation.of([Box(name, left, top, left + 60, top + 40) for name, left, top in corners])
    drawn = found(*((box.label, *box[1:5]) for box in boxes_of(whole)))
    answers = CODEC.answered([replace(drawn, scores=np.full(4, 0.97, np.float32))] * 20)
    labels = [whole] * 19 + [Annotation(whole[1:])]
    suspicion = CODEC.judge.suspicion(labels, answers)
    assert suspicion.flagged.tolist() == [False] * 19 + [True]
    assert boxes_of(suspicion.suggestions[-1]) == [*boxes_of(whole)[1:], boxes_of(whole)[0]], "its own boxes stay"
    assert suspicion.quality[-1] < suspicion.quality[:-1].min()


@pytest.mark.parametrize("error", ["moved", "swapped", "missing"])
def test_a_planted_error_is_the_worst_label_to_a_detector_whose_scores_stay_low(error: str) -> None:
    generator = np.random.default_rng(3)
    labels, answers = [], []
    for _ in range(40):
        corners = generator.uniform(0, 60, (3, 2)) + np.array([[0, 0], [120, 0], [0, 120]])
        boxes = np.concatenate([corners, corners + generator.uniform(40, 60, (3, 2))], axis=1)
        names = generator.integers(0, len(CLASSES), 3)
        labels.append([Box(CLASSES[name], *box) for name, box in zip(names.tolist(), boxes.tolist(), strict=True)])
        near = (boxes + generator.normal(0, 2, boxes.shape)).astype(np.float32)
        scores = np.sort(generator.uniform(0.45, 0.75, 3))[::-1].astype(np.float32)
        answers.append(Detections(near, names, scores, (SIZE, SIZE)))
    first = labels[7][0]
    wrong = {
        "moved": [first._replace(xmin=first.xmin + 30, xmax=first.xmax + 30)],
        "swapped": [first._replace(label=next(name for name in CLASSES if name != first.label))],
        "missing": [],
    }
    planted = [*labels[:7], wrong[error] + labels[7][1:], *labels[8:]]
    suspicion = CODEC.judge.suspicion([Annotation.of(label) for label in planted], CODEC.answered(answers))
    assert int(suspicion.quality.argmin()) == 7
    assert suspicion.flagged.tolist() == [row == 7 for row in range(40)]
    assert sorted(box["label"] for box in suspicion.suggestions[7]) == sorted(box.label for box in labels[7])
    kept = [box for box in suspicion.suggestions[7] if box in Annotation.of(labels[7][1:])]
    assert len(kept) == 2, "the others stay as they were drawn"


def test_planted_errors_rank_before_others_no_worse_than_by_objectlab() -> None:
    from cleanlab.object_detection.rank import get_label_quality_scores
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(6)
    labels, found_, planted = list[Annotation](), list[Detections](), np.arange(150) % 5 == 0
    for row in range(len(planted)):
        corners = generator.uniform(0, 60, (4, 2)) + np.array([[0, 0], [120, 0], [0, 120], [120, 120]])
        boxes = np.concatenate([corners, corners + generator.uniform(40, 60, (4, 2))], axis=1)
        names = generator.integers(0, len(CLASSES), 4)
        drawn = [Box(CLASSES[name], *box) for name, box in zip(names.tolist(), boxes.tolist(), strict=True)]
        # A detector that misses some, takes some for others and sees some where there are none, each with a low score.
        said = np.where(generator.random(4) < 0.1, generator.integers(0, len(CLASSES), 4), names)
        scores = np.where(said == names, generator.beta(8, 5, 4), generator.beta(3, 8, 4))
        alarms = generator.uniform(0, 200, (2, 2))
        near = np.concatenate([boxes + generator.normal(0, 4, boxes.shape), np.hstack([alarms, alarms + 50])])
        said, scores = np.append(said, generator.integers(0, 3, 2)), np.append(scores, generator.beta(2, 8, 2))
        kept = np.argsort(-scores)[: 5 - row % 2]
        sides, sure = near[kept].astype(np.float32), scores[kept].astype(np.float32)
        found_.append(Detections(sides, said[kept], sure, (SIZE, SIZE)))
        if planted[row]:
            first = drawn.pop(0)
            if row % 3 == 0:
                drawn.append(first._replace(xmin=first.xmin + 30, xmax=first.xmax + 30))
            elif row % 3 == 1:
                drawn.append(first._replace(label=next(name for name in CLASSES if name != first.label)))
        labels.append(Annotation.of(drawn))
    quality = CODEC.judge.suspicion(labels, CODEC.answered(found_)).quality
    given = [
        {
            "bboxes": np.array([box[1:5] for box in boxes_of(label)]),
            "labels": np.array([CLASSES.index(box["label"]) for box in label]),
        }
        for label in labels
    ]
    # Its bounds are made for probabilities: 0.5, and 0.96 for a typical right box.
    probable = [np.interp(one.scores, [0, CODEC.threshold, 0.62, 1], [0, 0.5, 0.96, 1]) for one in found_]
    scored = [np.hstack([one.boxes, scores[:, None]]) for one, scores in zip(found_, probable, strict=True)]
    by_class = [[one[of.classes == number] for number in range(3)] for one, of in zip(scored, found_, strict=True)]
    ours, theirs = (
        roc_auc_score(planted, -of) for of in (quality, get_label_quality_scores(given, by_class, verbose=False))
    )
    assert ours > 0.85
    assert ours > theirs
