"""The layers of a backbone, from its input to its output, whichever library it comes from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

# The names that libraries give to what is one layer, whatever stands inside.
_BLOCKS = ("Layer", "Block", "Residual", "Bottleneck")
_LISTS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True)
class Part:
    """A step on the way through a backbone.

    Attributes:
        parameters: that belong together.
        module: what holds them, and nothing else; None where they stand alone beside further parts.
        is_layer: whether they are a layer of their own, rather than of the one before.
        is_block: whether that layer is a whole block, one of several, rather than embeddings or a single matrix.
    """

    parameters: list[nn.Parameter]
    module: nn.Module | None = None
    is_layer: bool = False
    is_block: bool = False


def backbone_layers(backbone: nn.Module) -> list[list[nn.Parameter]]:
    """The parameters of a backbone, layer by layer.

    A layer is a block where the network is made of blocks (a residual block, a transformer layer), else a matrix or a
    convolution with what follows it. Parameters that stand alone (norms, position embeddings) belong to the layer
    before them, or to the first. An embedding belongs to the first, wherever it is listed: the relative positions of
    DeBERTa stand behind the blocks, and each of them reads them.

    Args:
        backbone: of text or vision, also with adapters of peft.

    Returns:
        Each parameter once, in the layer that uses it first; the layers in the order in which data goes through.
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
    """All steps of a backbone, those without parameters too, in the order in which data goes through."""
    inner: Any = backbone.get_base_model() if hasattr(backbone, "get_base_model") else backbone  # type: ignore[operator]
    return _parts(_unwrapped(inner))


def _unwrapped(module: nn.Module) -> nn.Module:
    """What stands inside of wrappers that have nothing of their own."""
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
    """Whether a module only leads to layers, rather than being one."""
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
    """Whether a module leads to whole blocks, and not only to the parts of one."""
    if not isinstance(module, _LISTS):
        return True
    with_matrix = [child for child in module.children() if _has_matrix(child)]
    return all(not _is_leaf(child) and (not isinstance(child, _LISTS) or _is_path(child)) for child in with_matrix)


def _has_matrix(module: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in module.parameters())


def _is_leaf(module: nn.Module) -> bool:
    return hasattr(module, "base_layer") or not any(True for _ in module.children())
