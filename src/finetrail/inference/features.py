"""Compute the features of a frozen backbone once; its head trains on them in every epoch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finetrail.inference.batching import sorted_batches
from finetrail.inference.device import lay_out
from finetrail.inference.feeding import feed
from finetrail.inference.memory import halved_when_full
from finetrail.inference.predict import Kept, collect
from finetrail.models.byte_store import Packed, zeros
from finetrail.models.inputs import Inputs, Targets, targets_of
from finetrail.models.network import Batch, Network, for_model
from finetrail.progress import Track, quiet

MASK = "features_mask"
"""(B, W), in batches of examples that have several features each, W the most: which of them there are."""
IN_MEMORY = 2**30
"""Bytes of features up to which no file is needed."""


@dataclass(frozen=True)
class Features:
    """The output of a frozen backbone, computed once: (N, D). Replaces the inputs it was computed from."""

    values: Tensor
    rows: Sequence[int]
    targets: Targets | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def lengths(self) -> list[int]:
        """All equal: there is nothing to group by."""
        return [1] * len(self.values)

    @property
    def varies(self) -> bool:
        """Never: the features are fixed."""
        return False

    def labelled(self, targets: Targets) -> "Features":
        """The same features with targets."""
        return replace(self, targets=targets)

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """`features` (B, D) of the examples at `indices`."""
        return {"features": self.values[list(indices)]} | targets_of(self, indices)


@dataclass(frozen=True)
class RaggedFeatures:
    """The same for examples with several features each, such as words: in memory or in a mapped file.

    Attributes:
        kept: float32 bytes of the features (W, D) of each example, in the order of computation.
        places: the position of each example in `kept`.
        width: D.
    """

    kept: Packed
    places: Sequence[int]
    width: int
    rows: Sequence[int]
    targets: Targets | None = None

    def __len__(self) -> int:
        return len(self.places)

    @property
    def lengths(self) -> list[int]:
        """How many features each example has."""
        return [len(self._of(index)) for index in range(len(self.places))]

    @property
    def varies(self) -> bool:
        """Never: the features are fixed."""
        return False

    def labelled(self, targets: Targets) -> "RaggedFeatures":
        """The same features with targets."""
        return replace(self, targets=targets)

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """`features` (B, W, D) of the examples at `indices`, padded to the longest, and `features_mask` (B, W)."""
        parts = [torch.from_numpy(self._of(index).copy()) for index in indices]
        features = nn.utils.rnn.pad_sequence(parts, batch_first=True)
        mask = torch.arange(features.shape[1]) < torch.tensor([len(part) for part in parts])[:, None]
        return {"features": features, MASK: mask} | targets_of(self, indices)

    def _of(self, index: int) -> NDArray[np.float32]:
        return self.kept[self.places[index]].view(np.float32).reshape(-1, self.width)


def compute_features(
    model: Network,
    inputs: Inputs,
    batch_size: int,
    track: Track = quiet,
    scratch: Path | None = None,
    *,
    in_memory: int = IN_MEMORY,
) -> Features | RaggedFeatures:
    """Run the frozen backbone once over all inputs.

    Args:
        scratch: a folder for features that do not fit into memory; the system's own by default.
        in_memory: the most bytes to keep in memory; more go to a file.
    """
    if len(inputs) and MASK in inputs.batch([0]):
        return _ragged(model, inputs, batch_size, track, partial(Packed, scratch=scratch, in_memory=in_memory))
    found = collect(
        model,
        inputs,
        batch_size,
        forward=model.features,
        keep=_whole_rows,
        track=track,
        what="computing features",
        zeros=partial(zeros, scratch=scratch, in_memory=in_memory),
    )
    if isinstance(found, list):
        raise AssertionError("features of different shapes: a bug in finetrail")
    return Features(torch.from_numpy(found), inputs.rows, inputs.targets)


def _whole_rows(outputs: Tensor, batch: Batch) -> Kept:
    return outputs.float().cpu().numpy()


def _ragged(
    model: Network, inputs: Inputs, batch_size: int, track: Track, pack: Callable[[Iterator[NDArray[np.uint8]]], Packed]
) -> RaggedFeatures:
    batches = sorted_batches(inputs.lengths, batch_size)
    places = [0] * len(inputs)
    for place, index in enumerate(index for indices in batches for index in indices):
        places[index] = place
    widths: list[int] = []
    training = model.training
    lay_out(model)
    kept = pack(_parts(model.eval(), inputs, batches, widths, track))
    model.train(training)
    return RaggedFeatures(kept, places, widths[0], inputs.rows, inputs.targets)


def _parts(
    model: Network, inputs: Inputs, batches: Sequence[Sequence[int]], widths: list[int], track: Track
) -> Iterator[NDArray[np.uint8]]:
    """The bytes of each example. Args: widths: gets the width of the features."""
    device = next(model.parameters()).device
    with torch.no_grad():
        fed = feed(inputs, [(batch, None) for batch in batches], device)
        for _ in track(batches, total=len(batches), what="computing features"):
            batch = next(fed)
            features = halved_when_full(model.features, for_model(batch)).float().cpu()
            widths.append(features.shape[-1])
            for row, count in zip(features, batch[MASK].sum(1).tolist(), strict=True):
                yield row[:count].contiguous().view(torch.uint8).numpy().reshape(-1)
