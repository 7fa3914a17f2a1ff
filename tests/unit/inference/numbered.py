"""Examples whose content is their own number, and what is kept of them: `python -m tests.unit.inference.numbered`.

As a program it is one of several processes that share the work; it prints what it got.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.inference import processes
from finetrail.inference.predict import Kept, predict
from finetrail.models.inputs import Targets, targets_of
from finetrail.models.network import Batch, Network

SPLITS = [[], [3], [2, 2], [5, 1, 9, 1, 7, 7, 2]]


@dataclass(frozen=True)
class Numbered:
    """Examples of these lengths; the features (B, 1) of each are its number."""

    lengths: list[int]
    targets: Targets | None = None
    varies: bool = False

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def rows(self) -> Sequence[int]:
        return range(len(self.lengths))

    def labelled(self, targets: Targets) -> Self:
        return replace(self, targets=targets)

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        return {"features": torch.tensor([[float(index)] for index in indices])} | targets_of(self, indices)


def network() -> Network:
    """It says its own input."""
    head = nn.Linear(1, 1)
    nn.init.ones_(head.weight)
    nn.init.zeros_(head.bias)
    return Network(nn.Identity(), head)


def alike(outputs: Tensor, batch: Batch) -> Kept:
    """Of each example the same: its number, in two dimensions."""
    return outputs.float().numpy()[:, None].repeat(2, axis=1)


def ragged(outputs: Tensor, batch: Batch) -> Kept:
    """Of each example as many times its number as it is; nothing of the first one."""
    return [np.full((round(number), 2), number, dtype=np.float32) for number in outputs[:, 0].tolist()]


def collected() -> list[list[object]]:
    """What is kept of each split, in both ways, as JSON."""
    kept = [predict(network(), Numbered(split), keep, 2) for split in SPLITS for keep in (alike, ragged)]
    return [[np.asarray(of_row).tolist() for of_row in of_split] for of_split in kept]


if __name__ == "__main__":
    processes.join()
    print(json.dumps(collected()))  # noqa: T201
