"""The layers of a backbone, from its input to its output, whichever library it comes from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

# Endings of class names that libraries give to whole layers, whatever is inside them.
_BLOCKS = ("Layer", "Block", "Residual", "Bottleneck")
_LISTS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True)
class Part:
    """A step of the forward pass through a backbone.

    Attributes:
        parameters: parameters that belong together.
        module: the module that holds only them; None if their module has further parts.
        is_layer: whether they are a layer of their own rather than part of the previous one.
        is_block: whether that layer is a whole block rather than embeddings or a single matrix.
    """

    parameters: list[nn.Parameter]
    module: nn.Module | None = None
    is_layer: bool = False
    is_block: bool = False


def backbone_layers(backbone: nn.Module) -> list[list[nn.Parameter]]:
    """The parameters of a backbone, layer by layer.

    A layer is a block if the network consists of blocks (residual blocks, transformer layers), else a matrix or a
    convolution with what follows it. Single parameters (norms, position embeddings) belong to the layer before them, or
    to the first. An embedding belongs to the first layer wherever it is listed: DeBERTa lists its relative positions
    after the blocks, although every block reads them.

    Args:
        backbone: for text or images, with or without peft adapters.

    Returns:
        Each parameter once, in the layer that uses it first; layers in the order of the forward pass.
    """
    seen: set[int] = set()
    layers: list[list[nn.Parameter]] = []
    loose: list[nn.Parameter] = []
    for part in backbone_parts(backbone):
        new = [parameter for parameter in part.parameters if id(parameter) not in seen]
        seen |= {id(parameter) for parameter in new}
        if not new:
            continue
        if layers and isinstance(part.module, nn.Embedding):
            layers[0] += new
        elif part.is_layer:
            layers.append(loose + new)
            loose = []
        elif layers:
            layers[-1] += new
        else:
            loose += new
    return [*layers, loose] if loose else layers


def backbone_parts(backbone: nn.Module) -> Iterator[Part]:
    """All steps of a backbone, also those without parameters, in the order of the forward pass."""
    inner: Any = backbone.get_base_model() if hasattr(backbone, "get_base_model") else backbone  # type: ignore[operator]
    return _parts(_unwrapped(inner))


def _unwrapped(module: nn.Module) -> nn.Module:
    """The module inside wrappers that have nothing of their own."""
    children = list(module.children())
    if len(children) == 1 and not isinstance(module, _LISTS) and not list(module.parameters(recurse=False)):
        return _unwrapped(children[0])
    return module


def _parts(module: nn.Module) -> Iterator[Part]:
    yield Part(list(module.parameters(recurse=False)))
    for child in module.children():
        if _is_path(child):
            yield from _parts(child)
        else:
            parameters = list(child.parameters())
            is_layer = any(parameter.ndim > 1 for parameter in parameters)
            is_block = is_layer and not _is_leaf(child) and (_is_block(child) or isinstance(module, _LISTS))
            yield Part(parameters, child, is_layer, is_block)


def _is_path(module: nn.Module) -> bool:
    """Whether a module only contains layers rather than being one."""
    if _is_leaf(module):
        return False
    if isinstance(module, _LISTS):
        matrices = sum(_has_matrix(child) for child in module.children())
        return matrices > 1 or any(_is_block(child) or _is_path(child) for child in module.children())
    if _is_block(module):
        return False
    return any(_is_block(child) or (_is_path(child) and _holds_blocks(child)) for child in module.children())


def _is_block(module: nn.Module) -> bool:
    return type(module).__name__.endswith(_BLOCKS) and not isinstance(module, _LISTS)


def _holds_blocks(module: nn.Module) -> bool:
    """Whether a module contains whole blocks and not only the parts of one."""
    if not isinstance(module, _LISTS):
        return True
    with_matrix = [child for child in module.children() if _has_matrix(child)]
    return all(not _is_leaf(child) and (not isinstance(child, _LISTS) or _is_path(child)) for child in with_matrix)


def _has_matrix(module: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in module.parameters())


def _is_leaf(module: nn.Module) -> bool:
    return hasattr(module, "base_layer") or not any(True for _ in module.children())
