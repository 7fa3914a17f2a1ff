"""What an explanation asks of a kind of content: where gradients are taken, and how the parts of a content look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from markupsafe import Markup
    from torch import Tensor, nn

    from finetrail.models.network import Batch

Values = NDArray[np.float64]
"""What each part of a content adds to an output (P,)."""


class Parts(Protocol):
    """The parts of an example, such as the words of a text. Attributes: names: of each (P,)."""

    @property
    def names(self) -> Sequence[str]: ...

    def summed(self, attributions: "Tensor") -> Values:
        """Add up the attributions of one example, shaped like what varies, by parts (P,). Nothing is left out."""
        ...

    def shown(self, values: Values) -> "Markup":
        """The example with its parts marked: blue for the output, orange against it."""
        ...


@dataclass(frozen=True)
class Explainable:
    """One example, ready for gradients.

    Attributes:
        batch: that of the example alone.
        name: of the tensor in it that varies.
        baseline: a tensor of the same shape that says nothing.
        layer: whose output varies between the two; None: the tensor itself.
        compared: what the baseline is, in a few words.
    """

    batch: "Batch"
    name: str
    baseline: "Tensor"
    layer: "nn.Module | None"
    parts: Parts
    compared: str
