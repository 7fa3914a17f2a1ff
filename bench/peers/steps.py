"""Training steps of tasks that write texts or read spans: the work that both sides do, and how a step is timed.

A side is a program that reads a `Steps` from its standard input and prints the seconds of its steps as JSON.
"""

import json
import resource
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetrail.adaptation.full import Full
from finetrail.adaptation.lora import Lora
from finetrail.inference.device import fix_seeds
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built
from peers.params import section

RATE = 1e-4


@dataclass(frozen=True)
class Steps:
    """The settings of both sides.

    Attributes:
        backbone: that section of params.yaml.
        file: holds the rows: contents and labels.
        lora: whether to train low-rank matrices instead of all weights.
    """

    task: str
    backbone: dict[str, Any]
    file: str
    batch_size: int
    epochs: int
    lora: bool = False

    @classmethod
    def read(cls) -> "Steps":
        """Read from standard input what `json` writes."""
        return cls(**json.load(sys.stdin))

    @property
    def json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def settings(self) -> Any:
        """Section `train` of params.yaml."""
        known = {"epochs": self.epochs, "batch_size": self.batch_size, "learning_rate": RATE, "schedule": "constant"}
        return section(get_task(self.task), "train", known)


def build(steps: Steps) -> tuple[Built, Any]:
    """The adapted model and its inputs, with targets: the same for both sides."""
    fix_seeds(0)
    task = get_task(steps.task)
    contents, labels = zip(*json.loads(Path(steps.file).read_text(encoding="utf-8")), strict=True)
    learning = task.target.learn(list(labels), steps.settings)
    columns = (task.columns or {}).get("text", (task.content.name,))
    built = task.build(section(task, "backbone", steps.backbone), learning, Path(), tuple(columns))
    adaptation = Lora(method="lora", r=8, alpha=16) if steps.lora else Full(method="full")
    adaptation.apply(built.model)
    inputs = built.processor.encode(list(contents))
    return built, inputs.labelled(built.learning.encode(list(labels), inputs))


def library_model(built: Built, steps: Steps) -> Any:
    """Our module around the library's model, without that of the adapters."""
    backbone: Any = built.model.backbone
    return backbone.get_base_model() if steps.lora else backbone


class _Some:
    varies = False

    def __init__(self, inputs: Any, count: int) -> None:
        self._inputs = inputs
        self.lengths = inputs.lengths[:count]

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, indices: Any, seed: int | None = None) -> Any:
        return self._inputs.batch(indices, seed)


def some(inputs: Any, count: int) -> Any:
    """The first of these inputs."""
    return _Some(inputs, count)


class Clock:
    """Times steps: `ended` is called at the end of each."""

    def __init__(self, rows: int, batch_size: int) -> None:
        self._an_epoch = -(-rows // batch_size)
        self._ends: list[float] = []

    def ended(self) -> None:
        self._ends.append(time.perf_counter())

    def stop(self) -> None:
        """Print the mean seconds of a step, without the first and the last of an epoch, and the peak memory."""
        epochs = [self._ends[at : at + self._an_epoch] for at in range(0, len(self._ends), self._an_epoch)]
        each = statistics.mean((ends[-2] - ends[0]) / (len(ends) - 2) for ends in epochs)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": each, "memory": memory}), flush=True)
