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

    Each is a layer of `backbone_layers`; other layers (embeddings, a single convolution) are left out.

    Args:
        backbone: for text or images, with or without peft adapters.

    Returns:
        The blocks with their names inside `backbone`; none if the network does not consist of blocks.
    """
    names = {id(module): name for name, module in backbone.named_modules()}
    return [
        (names[id(part.module)], part.module)
        for part in backbone_parts(backbone)
        if part.module is not None and part.is_block
    ]


def spaced(depth: int, wanted: int) -> list[int]:
    """The places of so many blocks, ascending and evenly spaced: of two or more, the first and the last are among them.

    As BART was shortened by Shleifer & Rush (2020).
    """
    return [round(number * (depth - 1) / max(wanted - 1, 1)) for number in range(wanted)]


def take_over(smaller: nn.Module, larger: nn.Module) -> None:
    """Give a backbone the weights of one that may have more blocks: those of blocks that are evenly `spaced`.

    Raises:
        RuntimeError: the weights do not fit.
    """
    of_larger, of_smaller = ([name for name, _ in backbone_blocks(one)] for one in (larger, smaller))
    if len(of_smaller) > len(of_larger):
        raise RuntimeError(f"it has {len(of_larger)} of {len(of_smaller)} blocks")
    kept = [of_larger[place] for place in spaced(len(of_larger), len(of_smaller))]
    renamed = dict(zip(kept, of_smaller, strict=True))
    found = {}
    for name, tensor in larger.state_dict().items():
        block = next((one for one in of_larger if name.startswith(f"{one}.")), None)
        if block is None:
            found[name] = tensor
        elif block in renamed:
            found[renamed[block] + name.removeprefix(block)] = tensor
    smaller.load_state_dict(found)


def checkpoint_blocks(backbone: nn.Module) -> None:
    """Keep only the input of each block for the backward pass, which recomputes the rest (Chen et al. 2016).

    This replaces only the `forward` of each block, so names and weights stay as they are. Do not deep-copy the model
    afterwards: the copy's blocks would compute with the weights of the original.

    Raises:
        ConfigError: the backbone does not consist of blocks.
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
    """Make running statistics count the batch once, although it is computed twice."""
    buffers = [buffer for norm in norms if norm.training for buffer in norm.buffers()]
    kept = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:  # an exception ends the second computation once the backward pass has all that it needs
        with torch.no_grad():
            for buffer, before in zip(buffers, kept, strict=True):
                buffer.copy_(before)
