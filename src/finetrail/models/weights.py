"""Weights on disk: safetensors, written whole or not at all, and never a pickle."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from finetrail.errors import ModelError

_FLOATS = ("F64", "F32", "F16", "BF16")
"""Names of safetensors."""


def save_tensors(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors to a safetensors file; a reader never sees half a file, not even after a power cut.

    Args:
        metadata: for the file's header.

    Raises:
        OSError: the disk is full, or the file is not writable.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, partial, metadata)
    except SafetensorError as error:
        # The library reports a full disk only in its message: "... (os error 28)".
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), str(error), str(path)) from error
    partial.chmod(0o644)  # safetensors lets only the owner read; a served or shared model has other readers
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        ModelError: there is no such file, or it is torn or of another format.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except FileNotFoundError as error:
        raise ModelError(f"{path} does not exist; `dvc checkout` restores a tracked model") from error
    except SafetensorError as error:
        raise ModelError(
            f"{path} is not a complete safetensors file ({error}); `dvc checkout` restores a tracked model"
        ) from error
    return tensors


def refuse_quantised(folder: Path, whose: str) -> None:
    """Raise ModelError where the weights of a folder are not floats: libraries cast them, and train on what is left.

    Reads the headers of the files alone.

    Args:
        whose: the address of the weights, for the message.
    """
    from safetensors import SafetensorError, safe_open

    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, "pt") as opened:
                types = {name: opened.get_slice(name).get_dtype() for name in opened.keys()}  # noqa: SIM118
        except SafetensorError:
            continue  # whoever loads it says what is wrong
        for name, kind in types.items():
            if name.endswith(("weight", "bias")) and kind not in _FLOATS:
                raise ModelError(
                    f"{whose!r} is quantised: {name} is stored as {kind}; name weights in {', '.join(_FLOATS)}"
                )


def refuse_unusable(tensors: Mapping[str, Tensor], whose: str) -> None:
    """Raise ModelError for pretrained weights that are not finite: training would be blamed for it."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"{whose!r} has NaN or infinity in {name}; fetch the weights again, or name others")


def trainable_tensors(model: nn.Module) -> dict[str, Tensor]:
    """What training changes: the trainable parameters, and the buffers beside them (running statistics)."""
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    return parameters | {name: buffer for name, buffer in model.named_buffers() if name in model.state_dict()}


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """The sha256 of the names, types, shapes and bytes of tensors."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def load_weights(model: nn.Module, path: Path) -> None:
    """Load every tensor of a file into the model, which must have exactly these names and shapes.

    Raises:
        ModelError: a name or a shape differs.
    """
    try:
        model.load_state_dict(load_tensors(path), strict=True)
    except RuntimeError as error:
        cause = " ".join(str(error).split())[:300]
        raise ModelError(
            f"{path} does not fit its configuration ({cause}); train or register the model again"
        ) from error
