"""Models beyond one device: weights, gradients and optimiser in shards, one a process (Zhao et al. 2023; FSDP2)."""

import copy

from torch import Tensor

from finetrail.models.blocks import backbone_blocks, checkpoint_blocks
from finetrail.models.network import Network


def shard(model: Network, *, checkpoint: bool) -> Network:
    """A copy whose parameters are sharded over the processes, block by block, on their devices.

    Args:
        model: the whole model, which stays in main memory.
        checkpoint: whether blocks recompute their activations in the backward pass.
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
    """The whole tensor; if it is sharded, every process must call this to put it together."""
    from torch.distributed.tensor import DTensor

    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def divided(tensor: Tensor, like: Tensor) -> Tensor:
    """Shard a whole tensor that every process has, if `like` is sharded."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(like, DTensor):
        return tensor.to(like.device)
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
