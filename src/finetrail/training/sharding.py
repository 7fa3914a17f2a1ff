"""Models beyond one device: weights, gradients and optimiser in shards, one a process (Zhao et al. 2023; FSDP2)."""

import copy

from torch import Tensor

from finetrail.models.blocks import backbone_blocks, checkpoint_blocks
from finetrail.models.network import Network


def shard(model: Network, *, checkpoint: bool) -> Network:
    """A copy whose parameters are sharded over the processes, block by block, on their devices.

    Args:
        model: whole, in main memory, where it stays.
        checkpoint: whether blocks compute their activations again in the backward pass.
    """
    from torch.distributed.fsdp import fully_shard

    sharded = copy.deepcopy(model)
    if checkpoint:
        checkpoint_blocks(sharded.backbone)
    for _, block in backbone_blocks(sharded.backbone):
        fully_shard(block)
    fully_shard(sharded)
    return sharded


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor; one in shards is put together, to which every process has to contribute."""
    from torch.distributed.tensor import DTensor

    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def divided(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor, that every process has, in shards if `like` is."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(like, DTensor):
        return tensor.to(like.device)
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
