"""Scales that make probabilities true: fitted on validation rows after training, they change no answer.

Temperature scaling: Guo et al., On Calibration of Modern Neural Networks (ICML 2017). Platt scaling, and the smoothed
targets of both: Platt, Probabilistic Outputs for Support Vector Machines (1999). Without them a model that is right on
every validation row would come out infinitely sure.
"""

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats, Ints

MIN_ROWS = 10
"""The fewest rows with a class, and without it, for which its own scale is fitted."""
_FLATTEST, _SHARPEST = 0.05, 20.0
_STEPS = 60


def fit_temperature(logits: NDArray[np.floating], y_true: Ints) -> float:
    """The temperature of lowest cross-entropy: probabilities are the softmax of logits / temperature.

    The cross-entropy is convex in 1 / temperature, which Newton's method finds, kept within a shrinking bracket. Six
    digits of it are kept, so that machines that add up in another order agree.

    Args:
        logits: (n, K), finite.
        y_true: the actual classes (n,).

    Returns:
        0.05 to 20; 1 without rows.
    """
    if not len(y_true):
        return 1.0
    wide = np.asarray(logits, dtype=np.float64)
    wide = wide - wide.max(axis=1, keepdims=True)
    smoothed = 1 / (len(wide) + 2)
    rows = np.arange(len(wide))
    wanted = float(((1 - smoothed) * wide[rows, y_true] + smoothed * wide.mean(axis=1)).sum())
    low, high, sharpness = _FLATTEST, _SHARPEST, 1.0
    for _ in range(_STEPS):
        weights = np.exp(wide * sharpness)
        weights /= weights.sum(axis=1, keepdims=True)
        means = (weights * wide).sum(axis=1)
        slope = float(means.sum()) - wanted
        curvature = float(((weights * wide**2).sum(axis=1) - means**2).sum())
        low, high = (low, sharpness) if slope > 0 else (sharpness, high)
        step = sharpness - slope / curvature if curvature > 0 else low
        following = step if low < step < high else (low + high) / 2
        if abs(following - sharpness) <= 1e-9 * sharpness:
            break
        sharpness = following
    return _six_digits(1 / sharpness)


def fit_scales(logits: NDArray[np.floating], actual: NDArray[np.bool_]) -> tuple[list[float], list[float]]:
    """For each class the slope and the shift of lowest cross-entropy, for a probability sigmoid(slope * logit + shift).

    A class of which fewer than `MIN_ROWS` rows have it, or lack it, keeps its logits, and so does one whose rows have
    no higher logits than the others.

    Args:
        logits: (n, K), finite.
        actual: which classes each row has (n, K).
    """
    pairs = [_platt(logits[:, k].astype(np.float64), actual[:, k]) for k in range(actual.shape[1])]
    return [slope for slope, _ in pairs], [shift for _, shift in pairs]


def _platt(logits: Floats, has: NDArray[np.bool_]) -> tuple[float, float]:
    positives, negatives = int(has.sum()), int((~has).sum())
    if min(positives, negatives) < MIN_ROWS:
        return 1.0, 0.0
    wanted = np.where(has, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    middle, spread = float(logits.mean()), float(logits.std())
    if spread == 0:
        return 1.0, 0.0
    inputs = np.stack([(logits - middle) / spread, np.ones_like(logits)])
    found = np.array([1.0, np.log(positives / negatives)])
    loss = _loss(found @ inputs, wanted)
    for _ in range(_STEPS):
        certain = 1 / (1 + np.exp(-(found @ inputs).clip(-500, 500)))
        gradient = inputs @ (certain - wanted)
        hessian = (inputs * np.maximum(certain * (1 - certain), 1e-12)) @ inputs.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-6 and _loss((found - size * step) @ inputs, wanted) > loss:
            size /= 2
        found = found - size * step
        loss, before = _loss(found @ inputs, wanted), loss
        if before - loss <= 1e-12 * max(1.0, before):
            break
    slope = float(found[0]) / spread
    return (_six_digits(slope), _six_digits(float(found[1]) - slope * middle)) if slope > 0 else (1.0, 0.0)


def _loss(logits: Floats, wanted: Floats) -> float:
    return float((np.logaddexp(0, logits) - wanted * logits).sum())


def _six_digits(value: float) -> float:
    return float(f"{value:.6g}")
