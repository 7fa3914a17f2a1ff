"""Forward passes without gradients: the answers of a model."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from finetrail.inference import processes
from finetrail.inference.batching import sorted_batches
from finetrail.inference.device import lay_out
from finetrail.inference.feeding import feed
from finetrail.inference.memory import halved_when_full
from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch, Network, for_model
from finetrail.progress import Track, quiet

Kept = NDArray[np.float32] | list[NDArray[np.float32]]
"""One array per example; a single (N, ...) array if all have one shape."""
WRITTEN_AT_ONCE = 32
"""Texts that are answered together, at least; fewer where memory is too small."""
GATHERED_AT_ONCE = 1024
"""Rows of one shape that processes exchange together."""
MOST_DIMENSIONS = 3
"""The most dimensions of one example's array, such as words by tags."""
Keep = Callable[[Tensor, Batch], Kept]
"""Picks what to keep of outputs (B, ..., K): see `finetrail.targets.learning.Learning.keep`."""
Zeros = Callable[[tuple[int, ...]], NDArray[np.float32]]
"""Makes an array of this shape."""


def _in_memory(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.zeros(shape, dtype=np.float32)


def predict(
    model: Network, inputs: Inputs, keep: Keep, batch_size: int, *, track: Track = quiet, what: str = "predicting"
) -> Kept:
    """Compute outputs on the model's device and keep part of them for each example, in the order of the inputs.

    Several processes share the work, and each gets the full result.
    """
    # For each token that it writes, a model reads all its weights, whether for few texts or for many.
    size = max(batch_size, WRITTEN_AT_ONCE) if model.writes else batch_size
    return collect(model, inputs, size, forward=model.answer, keep=keep, track=track, what=what)


def collect(
    model: Network,
    inputs: Inputs,
    batch_size: int,
    *,
    forward: Callable[[Batch], Tensor],
    keep: Keep,
    track: Track,
    what: str,
    zeros: Zeros = _in_memory,
) -> Kept:
    """Like `predict`, for any forward pass of the model. Args: zeros: where arrays of one shape are put."""
    lay_out(model)
    device = next(model.parameters()).device
    batches = sorted_batches(inputs.lengths, batch_size)[processes.rank() :: processes.world()]
    training = model.training
    model.eval()
    collected = Collected(len(inputs), zeros)
    # FSDP writes again in training into the tensors that it gathers here; inference tensors would forbid that.
    with torch.inference_mode() if processes.world() == 1 else torch.no_grad():
        fed = feed(inputs, [(batch, None) for batch in batches], device)
        for indices in track(batches, total=len(batches), what=what):
            batch = next(fed)
            collected.add(indices, keep(halved_when_full(forward, for_model(batch)), batch))
    model.train(training)
    return collected.of_all(device)


class Collected:
    """What was kept so far. Arrays of one shape are filled in place, so that memory holds nothing twice."""

    def __init__(self, rows: int, zeros: Zeros = _in_memory) -> None:
        self._rows, self._zeros = rows, zeros
        self._same: NDArray[np.float32] | None = None
        self._parts: dict[int, NDArray[np.float32]] = {}

    def add(self, indices: Sequence[int], kept: Kept) -> None:
        """Add what was kept of the examples of a batch."""
        if isinstance(kept, list):
            self._parts |= dict(zip(indices, kept, strict=True))
            return
        if self._same is None:
            self._same = self._zeros((self._rows, *kept.shape[1:]))
        self._same[indices] = kept

    def of_all(self, device: torch.device) -> Kept:
        """The examples of all processes."""
        if processes.world() > 1:
            self._gather(device)
        if self._parts:
            return [self._parts[row] for row in range(self._rows)]
        return np.zeros((0, 0), dtype=np.float32) if self._same is None else self._same

    def _gather(self, device: torch.device) -> None:
        """Add up the processes' arrays: each has zeros in the others' rows. An idle process learns the shapes here."""
        shapes = np.zeros((self._rows, 1 + MOST_DIMENSIONS), dtype=np.int64)  # dimensions, and the size of each
        if self._same is not None and processes.rank() == 0:
            shapes[:, 0], shapes[:, 1 : self._same.ndim] = self._same.ndim - 1, self._same.shape[1:]
        for row, part in self._parts.items():
            shapes[row, 0], shapes[row, 1 : 1 + part.ndim] = part.ndim, part.shape
        ragged = int(processes.total(torch.tensor([len(self._parts)], device=device)).item())
        found = processes.total(torch.from_numpy(shapes).to(device)).cpu().numpy()
        sizes = [tuple(sides[:count]) for count, *sides in found.tolist()]
        if ragged:
            parts = [self._parts[row] if row in self._parts else np.zeros(size) for row, size in enumerate(sizes)]
            flat = np.concatenate([part.reshape(-1) for part in parts]).astype(np.float32)
            whole = processes.total(torch.from_numpy(flat).to(device)).cpu().numpy()
            ends = np.cumsum([int(np.prod(size)) for size in sizes])[:-1]
            self._parts = {row: part.reshape(sizes[row]) for row, part in enumerate(np.split(whole, ends))}
        elif sizes:
            same = self._same = self._zeros((self._rows, *sizes[0])) if self._same is None else self._same
            for start in range(0, self._rows, GATHERED_AT_ONCE):
                some = torch.from_numpy(same[start : start + GATHERED_AT_ONCE])
                some.copy_(processes.total(some.to(device)))
