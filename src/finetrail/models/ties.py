"""Parameters that a network has under several names, such as an embedding that is its output layer too."""

from collections import defaultdict
from typing import Any

from torch import Tensor, nn


def save_tied_once(module: nn.Module) -> None:
    """From here on, the state of a module has each shared parameter once, under its first name.

    safetensors refuses tensors that share memory, and a checkpoint needs each only once. Whoever loads the state may
    have it so, or with all names.
    """
    hooks: Any = module  # torch has not annotated these
    hooks.register_state_dict_post_hook(_leave_out)
    hooks.register_load_state_dict_pre_hook(_fill_in)


def tied(module: nn.Module) -> dict[str, str]:
    """The first name of each parameter that has several, by its other names."""
    names: defaultdict[int, list[str]] = defaultdict(list)
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names[id(parameter)].append(name)
    return {other: first for first, *others in names.values() for other in others}


def _leave_out(module: nn.Module, state: dict[str, Tensor], prefix: str, metadata: Any) -> None:
    for name in tied(module):
        state.pop(prefix + name, None)


def _fill_in(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    for name, first in tied(module).items():
        if prefix + first in state:
            state.setdefault(prefix + name, state[prefix + first])
