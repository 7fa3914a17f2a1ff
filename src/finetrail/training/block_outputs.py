"""The outputs of a backbone's frozen blocks for every example, in memory or in a mapped file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finetrail.models.byte_store import Packed
from finetrail.models.inputs import Inputs, Targets, targets_of
from finetrail.models.network import Batch

BLOCK_OUTPUT = "block_output"
"""What a batch calls the output of the last frozen block."""
IN_MEMORY = 2**30
"""Bytes up to which no file is needed."""
# Stored as integers of the same size, because numpy has no bfloat16.
_INTEGERS = {1: np.uint8, 2: np.int16, 4: np.int32, 8: np.int64}


@dataclass(frozen=True)
class Form:
    """What the output of a block looks like.

    Attributes:
        ragged: whether the output is (B, T, D) and each example keeps only the positions of its own tokens.
        shape: of one example's output, without T if ragged.
        channels_last: whether the channels of a pixel lie side by side in memory.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]
    ragged: bool
    channels_last: bool

    def split(self, output: Tensor, lengths: Sequence[int]) -> Iterable[NDArray[np.uint8]]:
        """The bytes of each example."""
        rows = output.permute(0, 2, 3, 1) if self.channels_last else output
        for row, length in zip(rows.cpu(), lengths, strict=True):
            yield (row[:length] if self.ragged else row).contiguous().view(torch.uint8).numpy().reshape(-1)

    def join(self, parts: Sequence[NDArray[np.uint8]], width: int) -> Tensor:
        """The output of a batch, with zeros where an example has no token. Args: width: T, if ragged."""
        integers = _INTEGERS[self.dtype.itemsize]
        if self.ragged:
            joined = np.zeros((len(parts), width, *self.shape), dtype=integers)
            for row, part in zip(joined, parts, strict=True):
                tokens = part.view(integers).reshape(-1, *self.shape)
                row[: len(tokens)] = tokens
        else:
            channels, *sides = self.shape
            shape = (*sides, channels) if self.channels_last else self.shape
            joined = np.stack([part.view(integers).reshape(shape) for part in parts])
        output = torch.from_numpy(joined).view(self.dtype)
        return output.permute(0, 3, 1, 2) if self.channels_last else output


@dataclass(frozen=True)
class BlockOutputs:
    """Replaces the inputs that the outputs were computed from.

    Attributes:
        kept: the bytes of each output, in the order of computation.
        places: the position of each example in `kept`.
        inputs: the inputs that the outputs were computed from; they supply the rest of a batch.
        example: a batch of one example, if the content of the inputs does not matter; None if it does.
    """

    kept: Packed
    places: Sequence[int]
    form: Form
    inputs: Inputs
    example: Batch | None

    def __len__(self) -> int:
        return len(self.places)

    @property
    def lengths(self) -> list[int]:
        """Those of the inputs."""
        return self.inputs.lengths[: len(self.places)]

    @property
    def rows(self) -> Sequence[int]:
        """Those of the inputs."""
        return self.inputs.rows

    @property
    def varies(self) -> bool:
        """Never: the outputs are fixed."""
        return False

    @property
    def targets(self) -> Targets | None:
        """Those of the inputs."""
        return self.inputs.targets

    def labelled(self, targets: Targets) -> "BlockOutputs":
        """The same outputs with targets."""
        return replace(self, inputs=self.inputs.labelled(targets))

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """`block_output` (B, ...) of the last frozen block, and what the rest of the forward pass reads."""
        if self.example is None:
            batch = self.inputs.batch(indices)
        else:
            empty = {name: one.new_zeros((len(indices), *one.shape[1:])) for name, one in self.example.items()}
            batch = empty | targets_of(self.inputs, indices)
        width = batch["attention_mask"].shape[1] if self.form.ragged else 0
        kept = [self.kept[self.places[index]] for index in indices]
        return batch | {BLOCK_OUTPUT: self.form.join(kept, width)}
