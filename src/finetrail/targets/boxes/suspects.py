"""Boxes that are probably wrong: ObjectLab (Tkachenko, Thyagarajan & Mueller 2023), as cleanlab implements it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from finetrail.targets.boxes.detections import BoxAnswers, Singles
from finetrail.targets.boxes.facts import Facts, Floats
from finetrail.targets.boxes.judge import BoxJudge, Labels
from finetrail.targets.boxes.reading import Annotation, Box, boxes_of
from finetrail.targets.suspicion import Suspicion

PROBABLE = 0.5
"""To ObjectLab, a box of this score may say that a label's box lies badly."""
SURE = 0.96
"""Just above the score from which, to ObjectLab, a box says that an object was overlooked or has the wrong class."""


def suspects(judge: BoxJudge, labels: Labels, answers: BoxAnswers) -> Suspicion:
    """The quality of each image's boxes; where the model's answers are others, they are the suggestion."""
    from cleanlab.object_detection.filter import find_label_issues
    from cleanlab.object_detection.rank import get_label_quality_scores

    classes = judge.codec.classes
    number = {name: place for place, name in enumerate(classes)}
    given, found = list[dict[str, Any]](), []
    stretched: Sequence[Any] = _stretched(judge, labels, answers)
    for label, one, scores in zip(labels, answers.found, stretched, strict=True):
        boxes = [box for box in boxes_of(label) if box.label in number]
        corners = np.array([box[1:5] for box in boxes], dtype=np.float64).reshape(-1, 4)
        given.append({"bboxes": corners, "labels": np.array([number[box.label] for box in boxes], dtype=np.int64)})
        scored = np.concatenate([one.boxes, scores[:, None]], axis=1).astype(np.float64)
        found.append([scored[one.classes == place] for place in range(len(classes))])
    quality = get_label_quality_scores(given, found, verbose=False)
    flagged = np.asarray(find_label_issues(given, found), dtype=np.bool_)
    suggestions = [
        Annotation.of(Box(classes[of], *box) for of, box in zip(one.classes.tolist(), one.boxes.tolist(), strict=True))
        if error > 0
        else None
        for one, error in zip(answers.answers, judge.row_errors(labels, answers).tolist(), strict=True)
    ]
    return Suspicion(np.asarray(quality, dtype=np.float64), flagged, suggestions)


def _stretched(judge: BoxJudge, labels: Labels, answers: BoxAnswers) -> list[Singles] | list[Floats]:
    """The scores of each image's boxes as ObjectLab takes them: as probabilities.

    A detector's scores are none, and those of FCOS seldom reach its bounds. So the threshold of answers becomes
    `PROBABLE`, and the median score of right answers `SURE`.
    """
    facts = Facts.read(judge.facts(labels, answers))
    hit, _ = facts.masks(0, 0)
    right = facts.scores[hit & facts.given]
    if not len(right):
        return [one.scores for one in answers.found]
    scores = [0.0, judge.codec.threshold, float(np.median(right)), 1.0]
    return [np.interp(one.scores, scores, [0.0, PROBABLE, SURE, 1.0]) for one in answers.found]
