"""From inputs to batches on the device; beside a GPU the next batch is made while the device computes."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, repeat

import numpy as np
import torch

from finetrail.models.classifier import Batch
from finetrail.models.inputs import Inputs


def seeds(seed: int, epoch: int) -> Iterator[int]:
    """The seeds of the first batch of an epoch, of the second, and so on; never the same twice."""
    for number in count():
        yield int(np.random.SeedSequence((seed, epoch, number)).generate_state(1, np.uint64)[0])


def feed(
    inputs: Inputs,
    batches: Sequence[Sequence[int]],
    device: torch.device,
    drawn: Iterable[int | None] = repeat(None),
) -> Iterator[Batch]:
    """The batches on the device, in order.

    Args:
        batches: the indices of each.
        drawn: the seed of each batch's augmentations; none by default.
    """
    made = _ahead(inputs, batches, drawn) if device.type == "cuda" else map(inputs.batch, batches, drawn)
    for batch in made:
        yield {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def _ahead(inputs: Inputs, batches: Sequence[Sequence[int]], drawn: Iterable[int | None]) -> Iterator[Batch]:
    """Make one batch more than is asked for, in a thread, in memory from which a GPU copies by itself."""

    def make(indices: Sequence[int], seed: int | None) -> Batch:
        return {name: tensor.pin_memory() for name, tensor in inputs.batch(indices, seed).items()}

    with ThreadPoolExecutor(1) as thread:
        pending = None
        for indices, seed in zip(batches, drawn, strict=False):
            coming = thread.submit(make, indices, seed)
            if pending is not None:
                yield pending.result()
            pending = coming
        if pending is not None:
            yield pending.result()
