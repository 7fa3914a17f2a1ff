"""When a batch is too large for the memory, compute it in parts, down to one example at a time."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from finetrail.models.network import Batch, parts, rows


class Kept(saved_tensors_hooks):
    """Within this context, measure the activations: what a forward pass keeps for the backward pass.

    Args:
        parameters: of the model; they would be in memory anyway.

    Attributes:
        size: bytes; a tensor kept twice counts once.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self.size = 0
        self._seen = {parameter.untyped_storage().data_ptr() for parameter in parameters}

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in self._seen:
                self._seen.add(storage.data_ptr())
                self.size += storage.nbytes()
            return tensor

        super().__init__(pack, lambda tensor: tensor)


def out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on a GPU or on a CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def halved_when_full(forward: Callable[[Batch], Tensor], batch: Batch) -> Tensor:
    """The output for a batch of independent examples, computed in as few parts as memory allows.

    Raises:
        RuntimeError: PyTorch's own, if not even one example fits.
    """
    try:
        return forward(batch)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error) or rows(batch) == 1:
            raise
    # Outside `except`, where the traceback would still hold the tensors of the failed pass.
    return torch.cat([halved_when_full(forward, part) for part in parts(batch, -(-rows(batch) // 2))])
