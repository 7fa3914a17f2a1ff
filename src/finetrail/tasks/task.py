"""What one kind of problem must say about itself, so that stages and training loop need not know it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor

from finetrail.models.classifier import Classifier
from finetrail.models.inputs import Inputs


class Processor(Protocol):
    """Turns raw values of the task's column into `Inputs`."""

    def encode(self, values: Sequence[str]) -> Inputs: ...


@dataclass(frozen=True)
class Built:
    """A model with what it needs to read raw values and to name its answers.

    Attributes:
        labels: the K class names, in the order of the logits.
    """

    model: Classifier
    processor: Processor
    labels: list[str]


class Task(Protocol):
    """One kind of problem. Implementations stand in `tasks/`, one a file, listed in `tasks/registry.py`.

    Attributes:
        name: the Hugging Face name of the task.
    """

    name: str

    def build(self, backbone: object, labels: list[str], root: Path) -> Built:
        """A pretrained backbone with a new head. Args: backbone: the section of params.yaml. root: the workspace."""
        ...

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of a batch. Args: logits: (B, K). targets: (B,) class numbers."""
        ...

    def save(self, built: Built, backbone: object, folder: Path) -> None:
        """Write a self-contained model: safetensors, configuration, labels, preprocessing."""
        ...

    def load(self, folder: Path) -> Built:
        """Read back what `save` wrote, without any network."""
        ...
