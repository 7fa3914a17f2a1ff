"""Checkpoints of one training: written whole or not at all, verified before use, the newest two kept."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from finetrail.errors import ModelError
from finetrail.locations import sha256_of
from finetrail.models.weights import load_tensors, save_tensors

log = logging.getLogger(__name__)

KEPT = 2
"""How many: if the newest is damaged, there is the one before."""


class Checkpoint(NamedTuple):
    """Attributes: tensors: by name. state: JSON values."""

    tensors: dict[str, Tensor]
    state: dict[str, Any]


class Checkpoints:
    """A folder of checkpoints and of the best weights that they name. It is outside every DVC out.

    A file's name holds the hash of its content, `step-000000120-<hash>.safetensors`, which reveals damage by a crash or
    a disk. A file is written under another name, flushed to the disk and then renamed, so a half-written file never
    has a checkpoint's name.

    Args:
        folder: of one training; created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Write a checkpoint, and remove those that are no longer needed.

        Args:
            step: optimiser steps so far.
            state: JSON values; `best` names the file of the best weights.

        Raises:
            OSError: the disk is full or the folder is not writable; earlier checkpoints stay as they are.
        """
        self._write("step", step, tensors, state)
        self._tidy()

    def save_best(self, step: int, tensors: dict[str, Tensor]) -> str:
        """Write the best weights so far; returns the name of their file."""
        name = self._write("best", step, tensors, {})
        self._tidy(name)
        return name

    def load_best(self, name: str) -> dict[str, Tensor]:
        """The best weights. Raises: ModelError: the file is missing or damaged."""
        path = self.folder / name
        if not _whole(path):
            raise ModelError(f"{path} is missing or damaged; remove {self.folder} and train again")
        return load_tensors(path)

    def newest(self) -> Checkpoint | None:
        """The newest whole checkpoint, with a warning for each damaged one; None if there is none."""
        for path in self._steps():
            state = _state(path) if _whole(path) else None
            best = "" if state is None else state.get("best", "")
            if state is not None and (not best or _whole(self.folder / best)):
                return Checkpoint(load_tensors(path), state)
            damaged = path.name if state is None else best
            log.warning("%s is damaged; the checkpoint before it is used, or training starts over", damaged)
            path.unlink(missing_ok=True)
        return None

    @property
    def steps(self) -> int:
        """How many steps the newest one, whole or damaged, holds; 0 without any. Reads no file."""
        return max((int(path.name.split("-")[1]) for path in self._steps()), default=0)

    def clear(self) -> None:
        """Remove all."""
        for path in self._files():
            path.unlink(missing_ok=True)

    def _steps(self) -> list[Path]:
        """Newest first."""
        return sorted(self.folder.glob("step-*.safetensors"), reverse=True)

    def _write(self, kind: str, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> str:
        partial = self.folder / "unnamed.partial"
        save_tensors(tensors, partial, {"state": json.dumps(state)})
        name = f"{kind}-{step:09d}-{sha256_of(partial)[:16]}.safetensors"
        partial.replace(self.folder / name)
        folder = os.open(self.folder, os.O_RDONLY)  # a rename is on the disk once its folder is
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return name

    def _tidy(self, *best: str) -> None:
        kept = self._steps()[:KEPT]
        states = [state for state in map(_state, kept) if state is not None]
        used = {*best, *(path.name for path in kept), *(state.get("best", "") for state in states)}
        for path in self._files():
            if path.name not in used:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        yield from self.folder.glob("*.safetensors")
        yield from self.folder.glob("*.partial")


def _whole(path: Path) -> bool:
    try:
        return sha256_of(path)[:16] == path.stem.rsplit("-", 1)[-1]
    except OSError:
        return False


def _state(path: Path) -> dict[str, Any] | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            state: dict[str, Any] = json.loads(file.metadata()["state"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        return None
    return state
