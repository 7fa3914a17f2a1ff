"""What an exported graph gives where outputs alone would help nobody: answers, such as boxes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Told:
    """The end of a graph, and Python that reads what it gives.

    Attributes:
        module: maps the outputs of one example (1, ..., K) to tensors.
        names: of these tensors, in the file.
        code: lines for the card, which find these tensors by their names, as numpy has them, beside `path`, `size`
            (width and height of the upright image), `fitted` (of the part of the canvas that it fills) and `labels`;
            they print the answer, and append it to the list `found` as an array.
        apart: how far apart two results of the graph lie, in shares of what they measure.
        kept: maps these arrays of rows, and the rows as the model reads them, to what is kept of a model's outputs; see
            `finetrail.targets.learning`.
    """

    module: "nn.Module"
    names: tuple[str, ...]
    code: str
    apart: Callable[[Sequence["Tensor"], Sequence["Tensor"]], float]
    kept: Callable[[Any, Any], Any]
