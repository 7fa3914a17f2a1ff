"""A training problem small enough to see through: three blobs of points, and a backbone of one layer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from finetrail.evaluation.scores.metric import Point
from finetrail.inference.device import Machine, build_accelerator
from finetrail.inference.feeding import Examples
from finetrail.inference.predict import Kept
from finetrail.models.inputs import Targets, targets_of
from finetrail.models.network import Batch, Network
from finetrail.targets.classes import CLASSES
from finetrail.targets.classes.losses import cross_entropy
from finetrail.targets.target import metric_named
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.fitted import Fitted
from finetrail.training.loop import fit
from finetrail.training.settings import Training
from finetrail.training.steps import Objective, Records

CENTRES = torch.tensor([[3.0, 0, 0, 0], [0, 3, 0, 0], [0, 0, 3, 0]])
QUIET: dict[str, Any] = {"precision": "fp32", "warmup": 0.0, "weight_decay": 0.0}
LABELS = ["first", "second", "third"]
LEARNING = CLASSES.learned({"labels": LABELS})
MACRO_F1 = metric_named(CLASSES.metrics, "macro_f1")


class Layer(nn.Module):
    """A backbone of one layer on the batch's `x` (B, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 8)

    def forward(self, batch: Batch) -> Tensor:
        return torch.tanh(self.layer(batch["x"]))


@dataclass(frozen=True)
class Points:
    """Inputs that are points (N, 4)."""

    x: Tensor
    targets: Targets | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def lengths(self) -> list[int]:
        return [1] * len(self.x)

    @property
    def rows(self) -> Sequence[int]:
        return range(len(self.x))

    @property
    def varies(self) -> bool:
        return False

    def labelled(self, targets: Targets) -> Self:
        return replace(self, targets=targets)

    def batch(self, indices: Sequence[int], seed: int | None = None) -> Batch:
        return {"x": self.x[list(indices)]} | targets_of(self, indices)


def labels(count: int) -> list[str]:
    """Of so many points, in turn."""
    return [LABELS[number % 3] for number in range(count)]


def points(count: int, seed: int) -> Points:
    """Points around three centres, with their targets."""
    generator = torch.Generator().manual_seed(seed)
    drawn = Points(CENTRES[torch.arange(count) % 3] + torch.randn(count, 4, generator=generator))
    return drawn.labelled(LEARNING.encode(labels(count), drawn))


def names(count: int) -> list[str]:
    return [f"example-{number}" for number in range(count)]


def score(kept: Kept, count: int = 60) -> Point:
    """Loss and metrics of what was kept for `points(count, ...)`."""
    return LEARNING.score(kept, points(count, 2), labels(count))


def new_model() -> Network:
    torch.manual_seed(7)
    return Network(Layer(), nn.Linear(8, 3))


@dataclass(frozen=True)
class Run:
    model: Network
    fitted: Fitted
    heard: list[tuple[str, int, Point]]

    @property
    def weights(self) -> dict[str, Tensor]:
        return dict(self.model.state_dict())


def train(
    folder: Path,
    rows: int = 96,
    seed: int = 0,
    model: Network | None = None,
    resume: bool = False,
    **settings: Any,
) -> Run:
    """Train on blobs; a `loss`, `score`, `method` or `inputs` replaces the usual one, the rest are settings."""
    heard: list[tuple[str, int, Point]] = []
    loss, scored = settings.pop("loss", cross_entropy()), settings.pop("score", score)
    started = {"method": settings.pop("method")} if "method" in settings else {}
    inputs = settings.pop("inputs", None) or points(rows, 1)
    checkpoints = Checkpoints(folder)
    chosen = Training(**(QUIET | {"learning_rate": 0.05} | settings))
    model = model or new_model()
    if started:
        loss = started["method"].loss(model, loss)
    fitted = fit(
        model,
        {"train": Examples(inputs, names(rows)), "val": Examples(points(60, 2), names(60))},
        chosen,
        objective=Objective(loss, LEARNING.keep, scored, MACRO_F1),
        machine=Machine(build_accelerator(), "fp32" if chosen.precision == "auto" else chosen.precision),
        records=Records(
            checkpoints,
            lambda curve, step, point: heard.append((curve, step, point)),
            checkpoints.newest() if resume else None,
        ),
        seed=seed,
        **started,
    )
    return Run(model, fitted, heard)


def distance(one: Run, other: Run) -> float:
    return max(float((one.weights[name] - other.weights[name]).abs().max()) for name in one.weights)
