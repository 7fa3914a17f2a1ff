"""Which examples go into which batch: grouped by length, so that little of a batch is padding."""

from collections.abc import Sequence

import numpy as np

# Batches per group that is sorted by length: enough to leave little padding, few enough to keep batches random.
BATCHES_A_GROUP = 50


def grouped_batches(lengths: Sequence[int], size: int, seed: int) -> list[list[int]]:
    """Shuffle all examples and cut them into batches of similar length.

    Args:
        lengths: the size of each example.
        size: examples a batch; only one batch may be smaller.
        seed: the same seed gives the same batches.

    Returns:
        The indices of each batch; every example is in exactly one.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(lengths))
    sizes = np.asarray(lengths, dtype=np.int64)
    batches: list[list[int]] = []
    for start in range(0, len(order), size * BATCHES_A_GROUP):
        group = order[start : start + size * BATCHES_A_GROUP]
        group = group[np.argsort(-sizes[group], kind="stable")]
        batches += [group[at : at + size].tolist() for at in range(0, len(group), size)]
    return [batches[index] for index in generator.permutation(len(batches))]


def sorted_batches(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Batches for inference: the longest examples first, so that memory runs out at once or never."""
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    return [order[at : at + size].tolist() for at in range(0, len(order), size)]


def cut(batch: Sequence[int], lengths: Sequence[int], most: int | None) -> list[list[int]]:
    """Divide a batch, longest examples first, so that no part has more than `most` tokens.

    Args:
        batch: indices of examples.
        lengths: of all examples.
        most: tokens, padding included; None: the batch stays whole. A longer example is a part of its own.
    """
    if most is None:
        return [list(batch)]
    parts: list[list[int]] = []
    for index in sorted(batch, key=lambda index: -lengths[index]):
        if parts and lengths[parts[-1][0]] * (len(parts[-1]) + 1) <= most:
            parts[-1].append(index)
        else:
            parts.append([index])
    return parts
