"""What one kind of problem must say about itself, so that stages and training loop need not know it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from finetrail.models.augmentation import Augment
from finetrail.models.classifier import Batch, Classifier
from finetrail.models.inputs import Inputs, Values
from finetrail.models.losses import Loss, LossOptions
from finetrail.previews import Preview


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

    def loss(self, options: LossOptions) -> Loss:
        """The mean loss of a batch."""
        ...

    def save(self, built: Built, backbone: object, folder: Path) -> None:
        """Write a self-contained model: safetensors, configuration, labels, preprocessing."""
        ...

    def load(self, folder: Path) -> Built:
        """Read back what `save` wrote, without any network."""
        ...
