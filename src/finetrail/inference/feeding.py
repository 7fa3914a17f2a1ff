"""From inputs to batches on the device, made ahead where something else computes."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
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
        targets: class numbers, or standardised numbers, (N,), in the order of the inputs.
        ids: what errors call the examples.
    """

    inputs: Inputs
    targets: np.ndarray
    ids: Sequence[str]


@dataclass(frozen=True)
class _Batches(Dataset[Batch]):
    inputs: Inputs
    targets: torch.Tensor | None

    def __getitem__(self, asked: Asked) -> Batch:
        indices, seed = asked
        batch = self.inputs.batch(indices, seed)
        if self.targets is None:
            return batch
        batch = batch | {"targets": self.targets[list(indices)]}
        if "partner" in batch:
            # By its class, so that a part of a batch is a batch.
            batch["partner_targets"] = batch["targets"][batch.pop("partner")]
        return batch


def feed(
    inputs: Inputs,
    asked: Sequence[Asked],
    device: torch.device,
    *,
    targets: np.ndarray | None = None,
    workers: int = 0,
) -> Iterator[Batch]:
    """The batches on the device, in order; what they hold depends on what is asked for, and on nothing else.

    Args:
        targets: class numbers, or standardised numbers, (N,): then a batch also holds `targets` (B,), and a mixed one
            `partner_targets`; see `finetrail.targets.losses`.
        workers: processes that make batches; 0: this one, beside a GPU in a thread.
    """
    made = _Batches(inputs, None if targets is None else torch.from_numpy(targets))
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
        generator=torch.Generator(),  # so that it draws nothing from the training's own
    )


def _ahead(made: _Batches, asked: Sequence[Asked]) -> Iterator[Batch]:
    """Make one batch more than is asked for, in memory from which a GPU copies by itself."""

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
