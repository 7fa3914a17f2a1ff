"""Boxes that are probably wrong: ObjectLab (Tkachenko, Thyagarajan & Mueller 2023), as cleanlab implements it."""

import numpy as np

from finetrail.targets.boxes.detections import BoxAnswers
from finetrail.targets.boxes.judge import BoxJudge, Labels
from finetrail.targets.boxes.reading import Annotation, Box, boxes_of
from finetrail.targets.suspicion import Suspicion


def suspects(judge: BoxJudge, labels: Labels, answers: BoxAnswers) -> Suspicion:
    """The quality of each image's boxes; a flagged image should probably have the answers of the model."""
    from cleanlab.object_detection.filter import find_label_issues
    from cleanlab.object_detection.rank import get_label_quality_scores

    classes = judge.codec.classes
    number = {name: place for place, name in enumerate(classes)}
    given, found = [], []
    for label, one in zip(labels, answers.found, strict=True):
        boxes = [box for box in boxes_of(label) if box.label in number]
        corners = np.array([box[1:5] for box in boxes], dtype=np.float64).reshape(-1, 4)
        given.append({"bboxes": corners, "labels": np.array([number[box.label] for box in boxes], dtype=np.int64)})
        scored = np.concatenate([one.boxes, one.scores[:, None]], axis=1).astype(np.float64)
        found.append([scored[one.classes == place] for place in range(len(classes))])
    quality = get_label_quality_scores(given, found, verbose=False)
    flagged = np.asarray(find_label_issues(given, found), dtype=np.bool_)
    suggestions = [
        Annotation.of(Box(classes[of], *box) for of, box in zip(one.classes.tolist(), one.boxes.tolist(), strict=True))
        if doubtful
        else None
        for one, doubtful in zip(answers.answers, flagged.tolist(), strict=True)
    ]
    return Suspicion(np.asarray(quality, dtype=np.float64), flagged, suggestions)
