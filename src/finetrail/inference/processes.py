"""The processes that train together under torch.distributed; just one if it was not started."""

import os
from collections.abc import Iterable

import torch
from torch import Tensor, distributed

from finetrail.inference.launch import MEETING, launched


def rank() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if _many() else 0


def world() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if _many() else 1


def join() -> None:
    """Meet the other processes, if there are any and they have not met yet."""
    if not launched() or _many():
        return
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    meeting = os.environ.get(MEETING)
    if meeting is None:  # started by torchrun or accelerate, which name the meeting point in their own variables
        distributed.init_process_group(backend)
    else:
        number, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        distributed.init_process_group(backend, init_method=f"file://{meeting}", rank=number, world_size=count)


def total(tensor: Tensor) -> Tensor:
    """The sum of the processes' tensors, in place."""
    if _many():
        distributed.all_reduce(tensor)
    return tensor


def agreed(value: bool) -> bool:
    """The value of the first process."""
    if not _many():
        return value
    said = torch.tensor(value, device="cuda" if torch.cuda.is_available() else "cpu", dtype=torch.int32)
    distributed.broadcast(said, src=0)
    return bool(said.item())


def wait() -> None:
    """Wait until all processes have come here."""
    if _many():
        distributed.barrier()


def share(tensors: Iterable[Tensor]) -> None:
    """Copy the first process's values to all processes, in place."""
    if _many():
        for tensor in tensors:
            distributed.broadcast(tensor, src=0)


def _many() -> bool:
    return distributed.is_available() and distributed.is_initialized()
