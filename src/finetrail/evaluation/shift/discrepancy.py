"""The maximum mean discrepancy (MMD) of two domains, with a permutation test (Gretton et al. 2012)."""

from dataclasses import dataclass

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Interval, percentiles

BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Of the Gaussian kernels, whose mean is taken: these parts of the median squared distance of two rows."""


@dataclass(frozen=True)
class Discrepancy:
    """How far apart the means of two domains are in the space of the kernel.

    Attributes:
        value: the unbiased estimate of the squared distance; it may be below 0.
        chance: of the same, where the domains of rows are drawn.
        p: the probability of such a value or a higher one without a shift.
    """

    value: float
    chance: Interval
    p: float


def discrepancy(source: Floats, target: Floats, draws: Draws) -> Discrepancy:
    """Measure MMD, and compare it with that of rows whose domains are drawn at random.

    Time and memory grow with (n + m)^2.

    Args:
        source: features of the first domain (n, D), n > 1; rows are taken to be independent.
        target: of the other (m, D), m > 1.
        draws: how many times domains are drawn, and their seed.

    Raises:
        ValueError: a domain has fewer than two rows.
    """
    if min(len(source), len(target)) < 2:
        raise ValueError(f"MMD needs two rows of each domain, got {len(source)} and {len(target)}")
    kernel = _kernel(np.concatenate([source, target]).astype(np.float64))
    own = np.arange(len(kernel)) < len(source)
    generator = np.random.default_rng(draws.seed)
    drawn = generator.permuted(np.repeat(own[None], draws.resamples, axis=0), axis=1)
    values = _squared(kernel, np.concatenate([own[None], drawn]).astype(np.float64))
    p = (1 + int((values[1:] >= values[0]).sum())) / (1 + draws.resamples)
    return Discrepancy(float(values[0]), percentiles(float(values[1:].mean()), values[1:], draws.confidence), p)


def _kernel(features: Floats) -> Floats:
    """The mean of the kernels of each two rows (N, N), with zeros for a row and itself."""
    squares = (features**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * features @ features.T, 0)
    pairs = distances[np.triu_indices(len(distances), 1)]
    median = float(np.median(pairs)) or float(pairs.mean()) or 1.0  # most rows may be the same
    found: Floats = np.zeros_like(distances)
    for part in BANDWIDTHS:
        found += np.exp(-distances / (2 * part * median)) / len(BANDWIDTHS)
    np.fill_diagonal(found, 0)
    return found


def _squared(kernel: Floats, own: Floats) -> Floats:
    """The unbiased squared MMD (R,) of each division of the rows (R, N): 1 for the first domain, 0 for the other."""
    n, m = own[0].sum(), (1 - own[0]).sum()
    with_own, with_all = own @ kernel, kernel.sum(axis=0)
    within = (with_own * own).sum(axis=1)
    between = (with_own * (1 - own)).sum(axis=1)
    others = with_all.sum() - within - 2 * between
    found: Floats = within / (n * (n - 1)) + others / (m * (m - 1)) - 2 * between / (n * m)
    return found
