"""Numbers that are probably wrong: those far from a model's answer."""

from collections.abc import Sequence

import numpy as np

from finetrail.targets.numbers.codec import NumberCodec, Predictions
from finetrail.targets.suspicion import Suspicion

FAR = 3.5
"""Robust standard deviations from the median residual: Iglewicz & Hoaglin, How to Detect and Handle Outliers (1993)."""
NORMAL = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation."""


def suspects(codec: NumberCodec, labels: Sequence[float], answers: Predictions) -> Suspicion:
    """The quality of a label falls with its distance from the answer; outliers among the residuals are flagged.

    cleanlab estimates no number of wrong labels for numbers, hence the outliers.
    """
    from cleanlab.regression.rank import get_label_quality_scores

    predictions = answers[:, 0].astype(np.float64)
    residuals = np.array(labels, dtype=np.float64) - predictions
    apart = np.abs(residuals - np.median(residuals))
    flagged = apart > FAR * NORMAL * max(float(np.median(apart)), 1e-9 * codec.std)
    digits = 2 - int(np.floor(np.log10(codec.std)))  # a hundredth of the labels' standard deviation, rounded up
    return Suspicion(
        # In standard deviations of the labels: the score is exp(-|residual|), which knows no unit.
        get_label_quality_scores(np.array(labels) / codec.std, predictions / codec.std, method="residual"),
        flagged,
        [round(float(one), digits) if far else None for one, far in zip(predictions, flagged, strict=True)],
    )
