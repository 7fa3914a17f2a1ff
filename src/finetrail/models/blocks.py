"""The blocks of a backbone as modules, and gradient checkpointing over them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial, wraps
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from finetrail.errors import ConfigError
from finetrail.models.layers import backbone_parts


def backbone_blocks(backbone: nn.Module) -> list[tuple[str, nn.Module]]:
    """The whole blocks of a backbone (transformer layers, residual blocks), in the order of the forward pass.

    Each is a layer of `backbone_layers`; what is no block (embeddings, a single convolution) is left out.

    Args:
        backbone: of text or vision, also with adapters of peft.

    Returns:
        The blocks with their names inside of `backbone`; none where the network is not made of blocks.
    """
    names = {id(module): name for name, module in backbone.named_modules()}
    return [
        (names[id(part.module)], part.module)
        for part in backbone_parts(backbone)
        if part.module is not None and part.is_block
    ]


def checkpoint_blocks(backbone: nn.Module) -> None:
    """Keep only the input of each block for the backward pass, which computes the rest again (Chen et al. 2016).

    The blocks get a `forward` of their own, so names and weights stay as they are. A model must not be deep-copied
    afterwards: the copy's blocks would compute with the weights of the original.

    Raises:
        ConfigError: the backbone is not made of blocks.
    """
    blocks = backbone_blocks(backbone)
    if not blocks:
        raise ConfigError(
            "train.gradient_checkpointing is true, but this backbone is not made of blocks; set it to false"
        )
    for _, block in blocks:
        block.forward = _checkpointed(block, block.forward)


def _checkpointed(block: nn.Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    norms = [module for module in block.modules() if isinstance(module, _BatchNorm)]

    @wraps(forward)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **kwargs)
        return checkpoint(forward, *args, use_reentrant=False, context_fn=partial(_contexts, norms), **kwargs)

    return checkpointed


def _contexts(norms: list[Any]) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Those of the first and of the second computation."""
    return nullcontext(), _again(norms)


@contextmanager
def _again(norms: list[Any]) -> Iterator[None]:
    """Let running statistics have seen the batch once, though it is computed twice."""
    buffers = [buffer for norm in norms if norm.training for buffer in norm.buffers()]
    kept = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:  # the second computation ends by an exception as soon as all that the backward pass needs is there
        with torch.no_grad():
            for buffer, before in zip(buffers, kept, strict=True):
                buffer.copy_(before)
