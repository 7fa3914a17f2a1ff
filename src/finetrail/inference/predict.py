"""Forward passes without gradients: logits for scoring, features for a frozen backbone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from finetrail.inference import processes
from finetrail.inference.batching import sorted_batches
from finetrail.inference.device import lay_out
from finetrail.inference.feeding import feed
from finetrail.inference.memory import halved_when_full
from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch, Classifier
from finetrail.progress import Track, quiet


@dataclass(frozen=True)
class Features:
    """The output of a frozen backbone, computed once: (N, D). Stands in for the inputs it was computed from."""

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    @property
    def lengths(self) -> list[int]:
        """All alike: there is nothing to group by."""
        return [1] * len(self.values)

    @property
    def varies(self) -> bool:
        """They are what they are."""
        return False

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        """`features` (B, D) of the examples at `indices`."""
        return {"features": self.values[list(indices)]}


def predict(
    model: Classifier, inputs: Inputs, batch_size: int, track: Track = quiet, what: str = "predicting"
) -> np.ndarray:
    """Logits (N, K) in float32, in the order of the inputs, on the device where the model is.

    Several processes share the work, and each gets the whole.
    """
    return _collect(model, inputs, batch_size, forward=model, track=track, what=what)


def compute_features(model: Classifier, inputs: Inputs, batch_size: int, track: Track = quiet) -> Features:
    """Run the frozen backbone once over all inputs."""
    features = _collect(model, inputs, batch_size, forward=model.features, track=track, what="computing features")
    return Features(torch.from_numpy(features))


def _collect(
    model: Classifier, inputs: Inputs, batch_size: int, *, forward: Callable[[Batch], Tensor], track: Track, what: str
) -> np.ndarray:
    lay_out(model)
    device = next(model.parameters()).device
    batches = sorted_batches(inputs.lengths, batch_size)[processes.rank() :: processes.world()]
    training = model.training
    model.eval()
    # Filled in place, so that nothing is in memory twice.
    collected: np.ndarray[Any, Any] | None = None
    # What FSDP gathers here it writes into again in training.
    with torch.inference_mode() if processes.world() == 1 else torch.no_grad():
        fed = feed(inputs, [(batch, None) for batch in batches], device)
        for indices in track(batches, total=len(batches), what=what):
            part = halved_when_full(forward, next(fed)).float().cpu().numpy()
            if collected is None:
                collected = np.zeros((len(inputs), part.shape[1]), dtype=np.float32)
            collected[indices] = part
    model.train(training)
    return _whole(collected, len(inputs), device)


def _whole(collected: np.ndarray | None, rows: int, device: torch.device) -> np.ndarray:
    """The rows of all processes, each of which has zeros where others have theirs."""
    if processes.world() == 1:
        return np.zeros((0, 0), dtype=np.float32) if collected is None else collected
    # A process may have had nothing to do: it learns from the others how wide a row is.
    width = torch.tensor([0 if collected is None or processes.rank() else collected.shape[1]], device=device)
    columns = int(processes.total(width).item())
    own = torch.zeros(rows, columns) if collected is None else torch.from_numpy(collected)
    gathered: np.ndarray = processes.total(own.to(device)).cpu().numpy()
    return gathered
