"""A training problem small enough to see through: three blobs of points, and a backbone of one layer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from finetrail.targets.losses import cross_entropy as cross_entropy_of
from torch import Tensor, nn

from finetrail.inference.device import build_accelerator
from finetrail.inference.feeding import Examples
from finetrail.models.network import Network
from finetrail.runs.curves import Point
from finetrail.targets.classes.metrics import cross_entropy, scores
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.fitted import Fitted
from finetrail.training.loop import fit
from finetrail.training.settings import Training

CENTRES = torch.tensor([[3.0, 0, 0, 0], [0, 3, 0, 0], [0, 0, 3, 0]])
QUIET: dict[str, Any] = {"precision": "fp32", "warmup": 0.0, "weight_decay": 0.0}


class Layer(nn.Module):
    """A backbone of one layer on the batch's `x` (B, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 8)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return torch.tanh(self.layer(batch["x"]))


@dataclass(frozen=True)
class Points:
    """Inputs that are points (N, 4)."""

    x: Tensor

    def __len__(self) -> int:
        return len(self.x)

    @property
    def lengths(self) -> list[int]:
        return [1] * len(self.x)

    @property
    def varies(self) -> bool:
        return False

    def batch(self, indices: Sequence[int], seed: int | None = None) -> dict[str, Tensor]:
        return {"x": self.x[list(indices)]}


def blobs(count: int, seed: int) -> Examples:
    """Points around three centres."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(count) % 3
    return Examples(
        Points(CENTRES[targets] + torch.randn(count, 4, generator=generator)), targets.numpy(), names(count)
    )


def names(count: int) -> list[str]:
    return [f"example-{number}" for number in range(count)]


def score(logits: np.ndarray, targets: np.ndarray) -> Point:
    return {"loss": cross_entropy(logits, targets), **scores(targets, logits.argmax(axis=1), logits.shape[1])}


def new_model() -> Network:
    torch.manual_seed(7)
    return Network(Layer(), width=8, classes=3)


@dataclass(frozen=True)
class Run:
    model: Network
    fitted: Fitted
    heard: list[tuple[str, int, Point]]

    @property
    def weights(self) -> dict[str, Tensor]:
        return dict(self.model.state_dict())


def train(tmp_path: Path, rows: int = 96, seed: int = 0, model: Network | None = None, **settings: Any) -> Run:
    """Train on blobs; what is no setting goes to `fit`."""
    heard: list[tuple[str, int, Point]] = []
    given = {
        name: settings.pop(name) for name in ("loss_function", "score", "start_epoch", "inputs") if name in settings
    }
    checkpoints = Checkpoints(tmp_path)
    if settings.pop("resume", False):
        given["resume"] = checkpoints.newest()
    chosen = Training(**(QUIET | {"learning_rate": 0.05} | settings))
    model = model or new_model()
    examples = blobs(rows, 1)
    examples = replace(examples, inputs=given.pop("inputs", examples.inputs))
    loss = given.pop("loss_function", cross_entropy_of())
    fitted = fit(
        model,
        examples,
        blobs(60, 2),
        chosen,
        **({"loss": loss, "score": score} | given),
        accelerator=build_accelerator(),
        precision="fp32" if chosen.precision == "auto" else chosen.precision,
        seed=seed,
        checkpoints=checkpoints,
        observe=lambda curve, step, point: heard.append((curve, step, point)),
    )
    return Run(model, fitted, heard)


def distance(one: Run, other: Run) -> float:
    return max(float((one.weights[name] - other.weights[name]).abs().max()) for name in one.weights)
