"""Masks that are probably wrong: those that a model which did not see them answers quite differently."""

import numpy as np

from finetrail.targets.masks.answers import MaskAnswers
from finetrail.targets.masks.judge import GOOD, Labels, MaskJudge
from finetrail.targets.suspicion import Suspicion


def suspects(judge: MaskJudge, labels: Labels, answers: MaskAnswers) -> Suspicion:
    """The quality of a label is its mean IoU with the answer; below `GOOD` the answer is suggested instead."""
    quality = 1 - judge.row_errors(labels, answers)
    flagged = quality < GOOD
    suggestions = [mask if doubtful else None for mask, doubtful in zip(answers.masks, flagged.tolist(), strict=True)]
    return Suspicion(np.asarray(quality, dtype=np.float64), flagged, suggestions)
