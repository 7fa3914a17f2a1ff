"""How sure a box has to be to be an answer: fitted on validation images."""

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.boxes.facts import Facts


def fit_threshold(facts: NDArray[np.float64]) -> float:
    """The score of highest F1, over all classes; halfway to the next lower score, with six digits.

    Args:
        facts: of the images (n, S).
    """
    read = Facts.read(facts)
    hit, ignored = read.masks(0, 0)
    counts = ~ignored
    scores, right = read.scores[counts], np.cumsum(hit[counts])
    if not len(scores) or not right[-1]:
        return 0.5
    answers = np.arange(1, len(scores) + 1)
    values = 2 * right / (answers + read.objects[:, :, 0].sum())
    values[:-1][scores[:-1] == scores[1:]] = -1  # a threshold does not divide equal scores
    best = int(values.argmax())
    lower = float(scores[best + 1]) if best + 1 < len(scores) else 0.0
    return float(f"{(float(scores[best]) + lower) / 2:.6g}")
