"""How strong an alignment is in the course of a training."""

import math

from finetrail.training.alignment.alignment import Strength

STEEPNESS = 10.0


def constant(weight: float) -> Strength:
    """The same all along."""
    return lambda progress: weight


def rising(weight: float) -> Strength:
    """From 0 to `weight`, by 2 / (1 + exp(-10 p)) - 1 (Ganin et al. 2016): features say little at first."""
    return lambda progress: weight * (2 / (1 + math.exp(-STEEPNESS * progress)) - 1)
