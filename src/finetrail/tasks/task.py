"""What a task must say about itself, so that stages and training loop need not know it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from finetrail.contents.image.augment.settings import Augment
from finetrail.evaluation.report.previews import Preview
from finetrail.models.inputs import Inputs, Values
from finetrail.models.network import Batch, Classifier
from finetrail.targets.losses import Loss, LossOptions
from finetrail.targets.problem import CLASSIFICATION, ProblemType


class Processor(Protocol):
    """Turns raw values of the task's column (texts, encoded images) into `Inputs`, and into what a person looks at."""

    def encode(self, values: Values, *, augment: Augment | None = None, scratch: Path | None = None) -> Inputs:
        """Make the values ready for the model.

        Args:
            values: taken one by one, so that they need not be in memory together.
            augment: how training examples vary; None for none.
            scratch: a folder for what is too large for memory; the system's own by default.
        """
        ...

    def show(self, batch: Batch) -> list[Preview]:
        """The examples of a batch as the model sees them."""
        ...

    def preview(self, value: Any) -> Preview:
        """A raw value as a person recognises it."""
        ...


@dataclass(frozen=True)
class Built:
    """A model with what it needs to read raw values and to name its answers.

    Attributes:
        labels: the names of the K outputs in their order: the classes, or the one name of a number.
        problem: the kind of problem that it answers.
    """

    model: Classifier
    processor: Processor
    labels: list[str]
    problem: ProblemType = CLASSIFICATION.name


class Task(Protocol):
    """What is asked of what.

    Implementations stand in `tasks/`, one file for each kind of content, listed in `tasks/registry.py`.

    Attributes:
        name: the Hugging Face name of the task.
        problem: the kind of problem that it is.
    """

    name: str
    problem: ProblemType

    def build(self, backbone: object, labels: list[str], root: Path) -> Built:
        """A pretrained backbone with a new head.

        Args:
            backbone: the section of params.yaml.
            labels: what the outputs of the head are called; see `Built`.
            root: the workspace.
        """
        ...

    def loss(self, options: LossOptions) -> Loss:
        """The mean loss of a batch."""
        ...

    def save(self, built: Built, backbone: object, folder: Path) -> None:
        """Write a self-contained model: safetensors, configuration, labels, preprocessing."""
        ...

    def load(self, folder: Path) -> Built:
        """Read back what `save` wrote, without any network."""
        ...
