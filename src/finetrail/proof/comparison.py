"""Two models that should be the same: compared bit for bit, and where they differ, by their answers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from finetrail.errors import ReproductionError
from finetrail.inference.questions import drawn
from finetrail.locations import sha256_of
from finetrail.models.weights import hash_tensors, load_tensors
from finetrail.proof.round_trip import ask
from finetrail.serving.predictions import read_predictions
from finetrail.tasks.registry import task_of
from finetrail.tasks.task import WEIGHTS, read_description
from finetrail.workspace import Workspace

ROWS = 4096
"""Validation rows that both models answer, at most."""


@dataclass(frozen=True)
class Pair:
    """The sha256 of a file, or of a tensor of the weights, on either side; None where it is missing."""

    name: str
    registered: str | None
    rebuilt: str | None

    @property
    def same(self) -> bool:
        return self.registered == self.rebuilt


@dataclass(frozen=True)
class Bits:
    """Two folders of a model. Attributes: largest: the largest difference of two weights; None if unknown."""

    files: tuple[Pair, ...]
    tensors: tuple[Pair, ...]
    largest: float | None

    @property
    def same(self) -> bool:
        """Whether all files are the same, weights included."""
        return all(file.same for file in self.files)

    @property
    def line(self) -> str:
        """For people."""
        files = [file.name for file in self.files if not file.same]
        tensors = sum(not tensor.same for tensor in self.tensors)
        if not files:
            return f"weights: {len(self.files)} files with {len(self.tensors)} tensors are the same bits"
        apart = f", by at most {self.largest:.2g}" if self.largest is not None else ""
        return f"weights: {tensors} of {len(self.tensors)} tensors differ{apart}; files that differ: {', '.join(files)}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"same": self.same}


@dataclass(frozen=True)
class Scored:
    """A validation metric of both models on the same rows. Attributes: allowed: how far apart they may be."""

    metric: str
    registered: float
    rebuilt: float
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether they are close enough; NaN is close to nothing."""
        return abs(self.registered - self.rebuilt) <= self.allowed

    @property
    def line(self) -> str:
        """For people."""
        apart = abs(self.registered - self.rebuilt)
        values = f"{self.registered:.4f} registered, {self.rebuilt:.4f} rebuilt"
        return f"validation {self.metric}: {values}, {apart:.4f} apart, where {self.allowed:.4f} is allowed"


def compare_bits(registered: Path, rebuilt: Path) -> Bits:
    """Compare two folders that `train` wrote, or a copy of one."""
    sides = [_files(folder) for folder in (registered, rebuilt)]
    files = _pairs(*({name: sha256_of(path) for name, path in side.items()} for side in sides))
    one, other = (load_tensors(side[WEIGHTS]) if WEIGHTS in side else {} for side in sides)
    tensors = _pairs(*({name: hash_tensors({name: side[name]}) for name in side} for side in (one, other)))
    common = [name for name in one if name in other and one[name].shape == other[name].shape and one[name].numel()]
    apart = [float((one[name].double() - other[name].double()).abs().max()) for name in common]
    return Bits(files, tensors, max(apart) if len(apart) == len(tensors) else None)


def compare_metrics(
    registered: Path, model: Path, built: Workspace, candidate: str, *, tolerance: float
) -> tuple[Scored, ...]:
    """Score a registered model and the one that was built again on the same validation rows.

    The registered weights answer in a clean process with the code that is packed with them: no recorded score is
    trusted here.

    Args:
        registered: the folder of everything that is registered.
        model: the folder in it that `train` wrote.
        built: where the candidate was trained again.
        tolerance: a share for metrics in the unit of the labels (RMSE, MAE), else the difference itself.

    Raises:
        RoundTripError: the registered model does not load or answer.
        ReproductionError: it has other outputs.
    """
    description = read_description(model)
    task = task_of(description)
    codec = task.target.codec(description["target"])
    own = task.target.codec(read_description(built.model(candidate))["target"])
    if codec.outputs != own.outputs:
        raise ReproductionError(
            f"the registered model has {len(codec.outputs)} outputs, and its rebuild {len(own.outputs)} or "
            "others: they do not come from the same data; `finetrail verify` finds the broken link"
        )
    rows = drawn(built.split("val"), task.content, read_predictions(built.run(candidate).predictions), own, ROWS)
    (said,) = ask(registered, codec, [rows.contents])
    before = replace(rows, codec=codec)
    found = []
    for metric in task.target.metrics:
        one, other = before.score(metric, said.answers), rows.score(metric, rows.answers)
        found.append(Scored(metric.name, one, other, metric.margin(tolerance, one)))
    return tuple(found)


def _files(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


def _pairs(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[Pair, ...]:
    return tuple(Pair(name, one.get(name), other.get(name)) for name in sorted({*one, *other}))
