"""What a model learns of labels, and how its outputs become answers: the half of a target that imports torch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from finetrail.evaluation.scores.metric import Point
from finetrail.targets.codec import Answers, Codec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from finetrail.models.inputs import Inputs, Targets
    from finetrail.models.network import Batch, Network
    from finetrail.models.told import Told
    from finetrail.targets.per_row import Each

    Kept = NDArray[np.float32] | list[NDArray[np.float32]]
    """What is kept of a model's outputs: one array per example; arrays of one shape together (N, ...)."""

START = "targets_start"
"""In batches of a `Comparing` learning: the outputs (B, K) of the model before its first step."""
Loss = Callable[["Tensor", "Batch"], "Tensor"]
"""Maps outputs (B, ..., K) and the batch that they come from, with its targets, to the mean loss of its examples."""


@dataclass(frozen=True)
class Explained:
    """One output of a model.

    Attributes:
        example: of the row, which of its examples.
        place: where it stands in the outputs (..., K) of that example.
        said: what it is, in a few words.
    """

    example: int
    place: tuple[int, ...]
    said: str


class Learning(Protocol):
    """What a model learns of the labels, and how its outputs become answers. Imports torch."""

    @property
    def codec(self) -> Codec: ...

    def head(self, width: int) -> "nn.Module":
        """A new head: maps features (B, ..., `width`) to outputs (B, ..., K)."""
        ...

    def encode(self, labels: Sequence[Any], inputs: "Inputs") -> "Targets":
        """The targets of a split. Args: inputs: its encoded contents, whose examples the targets match."""
        ...

    def loss(self, settings: Any, labels: Sequence[Any], *, finished: bool = False) -> Loss:
        """The mean loss of a batch.

        Args:
            settings: section `train`.
            labels: of the training rows.
            finished: whether the outputs are those of a model that answers as it is served; see `finish`.
        """
        ...

    def keep(self, outputs: "Tensor", batch: "Batch") -> "Kept":
        """What is kept of outputs (B, ..., K): for each example an array, all of one shape or of any length."""
        ...

    def answers(self, kept: "Kept", inputs: "Inputs") -> Answers:
        """The answers to the rows, from what was kept of all examples."""
        ...

    def explained(self, label: Any, answers: Answers, inputs: "Inputs") -> "Explained | None":
        """The output that explains the mistake in an answer; None where the model read nothing of what is wrong.

        Args:
            answers, inputs: those of one row.
        """
        ...

    def score(self, kept: "Kept", inputs: "Inputs", labels: Sequence[Any], *, finished: bool = False) -> Point:
        """Loss and metrics of a split.

        Args:
            finished: whether the model answers as it is served; see `finish`.
        """
        ...

    def finish(self, model: "Network") -> None:
        """Make a trained model, whose adaptation is merged, answer as it is served."""
        ...

    def fitted(self, kept: "Kept", inputs: "Inputs", labels: Sequence[Any]) -> "Learning":
        """The same with what a finished model's answers to the validation rows decide, such as thresholds."""
        ...


@runtime_checkable
class Comparing(Protocol):
    """A `Learning` that compares a model with what it was before its first step.

    Attributes:
        compares: whether its batches need `START`.
    """

    @property
    def compares(self) -> bool: ...


@runtime_checkable
class Distilling(Protocol):
    """A `Learning` whose outputs can be learnt from those of a teacher. Its target offers `soft labels`."""

    def from_teacher(self, temperature: float) -> "Each":
        """The loss of each example, given the teacher's outputs (B, K). Args: temperature: it softens both by."""
        ...


@runtime_checkable
class Showing(Protocol):
    """A `Learning` whose targets can be drawn on what the model sees."""

    def learnt(self, batch: "Batch") -> list[Any]:
        """The targets of a batch as labels, in pixels of what the model sees."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A `Learning` whose exported graphs give answers in place of outputs."""

    def told(self) -> "Told":
        """The end of such a graph."""
        ...
