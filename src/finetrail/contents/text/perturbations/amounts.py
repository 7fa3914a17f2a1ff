"""How much of a text a perturbation touches."""

from collections.abc import Sequence

import numpy as np


def some(places: Sequence[int], share: float, generator: np.random.Generator) -> list[int]:
    """Draw that share of places, in ascending order.

    A share that is no whole number of places is rounded up or down at random, so that short texts get their share on
    average.
    """
    count = min(len(places), int(share * len(places) + generator.random()))
    return sorted(generator.choice(np.array(places), count, replace=False).tolist()) if count else []
