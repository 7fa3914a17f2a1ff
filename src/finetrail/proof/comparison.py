"""Two models that ought to be one: compared bit for bit, and where they are not the same, by what they answer."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finetrail.errors import ReproductionError
from finetrail.gate.evidence import actual_of, said_of
from finetrail.locations import sha256_of
from finetrail.models.weights import hash_tensors, load_tensors
from finetrail.proof.round_trip import RoundTrip, outputs_in
from finetrail.targets.classes import metrics
from finetrail.targets.numbers import metrics as numbers
from finetrail.targets.problem import CLASSIFICATION, PROBLEMS, REGRESSION, ProblemType
from finetrail.tasks.model_files import read_description
from finetrail.tasks.registry import get_entry
from finetrail.workspace import Workspace

ROWS = 4096
"""Validation rows that both models answer, at most."""
_WEIGHTS = "model.safetensors"
_SCORES: Mapping[ProblemType, Callable[[Any, Any, int], dict[str, float]]] = {
    CLASSIFICATION.name: metrics.scores,
    REGRESSION.name: lambda actual, said, _: numbers.scores(actual, said),
}


@dataclass(frozen=True)
class Pair:
    """The sha256 of a file, or of a tensor of the weights, on either side; None where it is not there."""

    name: str
    registered: str | None
    rebuilt: str | None

    @property
    def same(self) -> bool:
        return self.registered == self.rebuilt


@dataclass(frozen=True)
class Bits:
    """Two folders of a model. Attributes: largest: difference of two weights; None where none can be said."""

    files: tuple[Pair, ...]
    tensors: tuple[Pair, ...]
    largest: float | None

    @property
    def same(self) -> bool:
        """Whether every file is, the weights among them."""
        return all(file.same for file in self.files)

    @property
    def line(self) -> str:
        """For people."""
        files = [file.name for file in self.files if not file.same]
        tensors = sum(not tensor.same for tensor in self.tensors)
        if not files:
            return f"weights: {len(self.files)} files with {len(self.tensors)} tensors are the same bits"
        apart = f", by {self.largest:.2g} at most" if self.largest is not None else ""
        return f"weights: {tensors} of {len(self.tensors)} tensors differ{apart}; files that differ: {', '.join(files)}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"same": self.same}


@dataclass(frozen=True)
class Scored:
    """A validation metric of both models on the same rows. Attributes: allowed: how far they may be apart."""

    metric: str
    registered: float
    rebuilt: float
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether they are near enough; NaN is near nothing."""
        return abs(self.registered - self.rebuilt) <= self.allowed

    @property
    def line(self) -> str:
        """For people."""
        apart = abs(self.registered - self.rebuilt)
        values = f"{self.registered:.4f} registered, {self.rebuilt:.4f} built again"
        return f"validation {self.metric}: {values}, {apart:.4f} apart, where {self.allowed:.4f} is allowed"


def compare_bits(registered: Path, rebuilt: Path) -> Bits:
    """Compare two folders that `train` wrote, or a copy of one."""
    sides = [{path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
             for folder in (registered, rebuilt)]  # fmt: skip
    files = _pairs(*({name: sha256_of(path) for name, path in side.items()} for side in sides))
    one, other = (load_tensors(side[_WEIGHTS]) if _WEIGHTS in side else {} for side in sides)
    tensors = _pairs(*({name: hash_tensors({name: side[name]}) for name in side} for side in (one, other)))
    common = [name for name in one if name in other and one[name].shape == other[name].shape and one[name].numel()]
    apart = [float((one[name].double() - other[name].double()).abs().max()) for name in common]
    return Bits(files, tensors, max(apart) if len(apart) == len(tensors) else None)


def compare_metrics(
    packed: Path, model: Path, built: Workspace, candidate: str, *, task_name: str, tolerance: float
) -> tuple[Scored, ...]:
    """Score a registered model and the one that was built again on the same validation rows.

    The registered weights answer for themselves, in a clean process with the code that is packed with them: what is
    written about them anywhere counts for nothing here.

    Args:
        packed: all that is registered.
        model: the folder in it that `train` wrote.
        built: where the candidate was trained again.
        tolerance: of metrics in the unit of the labels (RMSE, MAE) a share, of others the difference itself.

    Raises:
        RoundTripError: the registered model does not load or answer.
        ReproductionError: it has another number of outputs.
    """
    task, labels = get_entry(task_name), read_description(model)[1]
    problem = task.problem.name
    predictions = built.run(candidate).predictions
    trip = RoundTrip(built.split("val"), task.column, predictions, problem, labels, ROWS)
    known = trip.known()
    sides = {"registered": trip.ask(packed).outputs, "rebuilt": outputs_in(known)}
    if sides["registered"].shape != sides["rebuilt"].shape:
        numbers = [side.shape[1] for side in sides.values()]
        raise ReproductionError(
            f"the registered model has {numbers[0]} outputs, and the one that was built again {numbers[1]}: they are "
            "not of the same data; `finetrail verify` finds the link that broke"
        )
    actual = actual_of(problem, tuple(labels), known["label"].tolist())
    one, other = (
        _SCORES[problem](actual, said_of(problem, side).predicted, len(labels)) if np.isfinite(side).all() else {}
        for side in sides.values()
    )
    found = []
    for metric in PROBLEMS[problem].metrics:
        before, after = (side.get(metric.name, float("nan")) for side in (one, other))
        allowed = tolerance * abs(before) if metric.in_unit else tolerance
        found.append(Scored(metric.name, before, after, allowed))
    return tuple(found)


def _pairs(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[Pair, ...]:
    return tuple(Pair(name, one.get(name), other.get(name)) for name in sorted({*one, *other}))
