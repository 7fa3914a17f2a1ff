"""Read weights that others wrote without running code in them, and match them with a network or refuse them."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from finetrail.errors import ModelError
from finetrail.models.weights import load_tensors, refuse_quantised, refuse_unusable

_CONTAINERS = ("state_dict", "model", "model_state_dict")
_PREFIXES = frozenset({"module", "model", "backbone", "encoder", "network", "net", "_orig_mod"})
_HEADS = frozenset({"fc", "_fc", "head", "heads", "classifier", "aux_classifier", "linear", "last_linear"})
_KINDS = frozenset({"weight", "bias", "running_mean", "running_var"})
_COUNTER = "num_batches_tracked"  # of a BatchNorm: older files lack it, and nothing reads it


def read_state(address: str, path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, of a folder with one, or of a state dict written by torch.

    Args:
        address: how the user named it, for messages.
        path: where it is.

    Raises:
        ModelError: it holds no tensors, is damaged, or cannot be read without running code that it holds.
    """
    if path.is_dir():
        found = sorted(path.glob("*.safetensors"))
        if len(found) != 1:
            raise ModelError(
                f"{_short(address)!r} is a folder with {len(found)} safetensors files; name the one to load"
            )
        path = found[0]
    if path.suffix == ".safetensors":
        refuse_quantised(path.parent, _short(address))
        return load_tensors(path)
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file, another format and a forbidden object raise a dozen types
        cause = " ".join(str(error).split())[:120]
        raise ModelError(
            f"{_short(address)!r} cannot be read as plain tensors ({type(error).__name__}: {cause}); "
            "nothing in it was run; save its state dict, preferably as safetensors"
        ) from error
    while isinstance(content, dict) and (
        inner := [name for name in _CONTAINERS if isinstance(content.get(name), dict)]
    ):
        content = content[inner[0]]
    tensors = (
        {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        if isinstance(content, dict)
        else {}
    )
    if not tensors:
        raise ModelError(f"{_short(address)!r} holds no named tensors; save a model's state dict")
    return tensors


def put_in(
    network: nn.Module,
    address: str,
    tensors: Mapping[str, Tensor],
    match: Literal["name", "order"],
    heads: Collection[str] = (),
) -> None:
    """Put a file's tensors into a network without a head; the file's own head is left out.

    Args:
        heads: names of the library's own head, which was taken off the network.

    Raises:
        ModelError: a tensor of the network is missing or of another shape, or the file is from a larger network.
    """
    wanted = network.state_dict()
    remedy = "set backbone.name to the model that it was trained as"
    if match == "order":
        fault, chosen = _by_order(wanted, tensors)
    else:
        fault, chosen = _by_name(wanted, tensors, heads)
        if fault and not _by_order(wanted, tensors)[0]:
            remedy = "all of its tensors do fit in order, though: set backbone.match to `order`"
    if fault:
        raise ModelError(f"{_short(address)!r} does not fit this backbone: {fault}; {remedy}")
    refuse_unusable(chosen, _short(address))
    # Counters that a file lacks stay as they are.
    network.load_state_dict(wanted | chosen, strict=True)


def _by_order(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    """What does not fit, or "", and the found tensors by their wanted names."""
    names, others = _without_counters(wanted), _without_counters(found)
    more = len(others) - len(names)
    if more in (1, 2) and _is_linear([found[name] for name in others[-more:]]):
        others = others[:-more]
    if len(names) != len(others):
        return f"it holds {len(others)} tensors, the backbone {len(names)}", {}
    for place, (name, other) in enumerate(zip(names, others, strict=True), start=1):
        if found[other].shape != wanted[name].shape or not _same_kind(name, other):
            return f"tensor {place} is {_described(other, found)}, where {_described(name, wanted)} belongs", {}
    counters, theirs = ([name for name in one if name.endswith(_COUNTER)] for one in (wanted, found))
    if len(counters) == len(theirs):
        names, others = names + counters, others + theirs
    return "", {name: found[other] for name, other in zip(names, others, strict=True)}


def _by_name(
    wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], heads: Collection[str]
) -> tuple[str, dict[str, Tensor]]:
    """What does not fit, or "", and the found tensors by their wanted names."""
    names = _without_counters(wanted)
    prefix = max(_prefixes(found), key=lambda one: (sum(one + name in found for name in names), -len(one)))
    for name in names:
        if prefix + name not in found:
            return f"it has no {_described(name, wanted)}", {}
        if found[prefix + name].shape != wanted[name].shape:
            return f"it has {_described(prefix + name, found)}, where {_described(name, wanted)} belongs", {}
    used = {prefix + name for name in wanted}
    rest = [name for name in _without_counters(found) if name not in used and not _is_head(name, heads)]
    if rest:
        return f"{len(rest)} of its tensors have no place there, such as {_described(rest[0], found)}", {}
    return "", {name: found[prefix + name] for name in wanted if prefix + name in found}


def _without_counters(tensors: Mapping[str, Tensor]) -> list[str]:
    return [name for name in tensors if not name.endswith(_COUNTER)]


def _prefixes(found: Mapping[str, Tensor]) -> set[str]:
    """What wrappers put in front of names: "", "module.", "module.backbone.", ..."""
    prefixes = {""}
    for name in found:
        prefix = ""
        for part in name.split(".")[:-1]:
            if part not in _PREFIXES:
                break
            prefix += part + "."
            prefixes.add(prefix)
    return prefixes


def _is_head(name: str, heads: Collection[str]) -> bool:
    parts = name.split(".")
    while parts[0] in _PREFIXES:
        parts.pop(0)
    return parts[0] in _HEADS or any(".".join(parts).startswith(head + ".") for head in heads)


def _is_linear(tail: Sequence[Tensor]) -> bool:
    """Whether these are the weight, and the bias if there is one, of a linear layer."""
    return tail[0].ndim == 2 and all(bias.shape == tail[0].shape[:1] for bias in tail[1:])


def _same_kind(name: str, other: str) -> bool:
    """Whether both names are of one kind (weight, bias, ...): shapes alone cannot tell a mean from a bias."""
    kinds = {name.rsplit(".", 1)[-1], other.rsplit(".", 1)[-1]}
    return len(kinds) == 1 or not kinds <= _KINDS


def _short(address: str) -> str:
    """Without the hash of a package."""
    return address.partition("#")[0]


def _described(name: str, tensors: Mapping[str, Tensor]) -> str:
    return f"{name} {tuple(tensors[name].shape)}"
