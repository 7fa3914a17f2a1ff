"""From inputs to batches on the device, prepared ahead of the computation."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset

from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch

Asked = tuple[Sequence[int], int | None]
"""The examples of a batch, and the seed of its augmentations; None for none."""


@dataclass(frozen=True)
class Examples:
    """One split, ready to train on.

    Attributes:
        inputs: with their targets.
        ids: the row names that errors use.
    """

    inputs: Inputs
    ids: Sequence[str]

    def id_of(self, example: int) -> str:
        """The id of the row that an example belongs to."""
        return self.ids[self.inputs.rows[example]]


@dataclass(frozen=True)
class _Batches(Dataset[Batch]):
    inputs: Inputs

    def __getitem__(self, asked: Asked) -> Batch:
        return self.inputs.batch(*asked)


def feed(inputs: Inputs, asked: Sequence[Asked], device: torch.device, *, workers: int = 0) -> Iterator[Batch]:
    """The batches on the device, in order; their content depends only on the arguments.

    Args:
        workers: processes that make batches; 0: this process, with a GPU in a thread.
    """
    made = _Batches(inputs)
    if workers:
        batches: Iterator[Batch] = iter(_load(made, asked, workers, pin=device.type == "cuda"))
    else:
        batches = _ahead(made, asked) if device.type == "cuda" else map(made.__getitem__, asked)
    for batch in batches:
        yield {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def _load(made: _Batches, asked: Sequence[Asked], workers: int, *, pin: bool) -> DataLoader[Batch]:
    return DataLoader(
        made,
        batch_size=None,
        sampler=asked,
        num_workers=workers,
        pin_memory=pin,
        generator=torch.Generator(),  # so that it does not draw from the training's generator
    )


def _ahead(made: _Batches, asked: Sequence[Asked]) -> Iterator[Batch]:
    """Prepare one batch ahead, in pinned memory that a GPU can copy asynchronously."""

    def make(one: Asked) -> Batch:
        return {name: tensor.pin_memory() for name, tensor in made[one].items()}

    with ThreadPoolExecutor(1) as thread:
        pending = None
        for one in asked:
            coming = thread.submit(make, one)
            if pending is not None:
                yield pending.result()
            pending = coming
        if pending is not None:
            yield pending.result()
