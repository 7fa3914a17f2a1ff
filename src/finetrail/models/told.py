"""What an exported graph gives where outputs alone would help nobody: answers, such as boxes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Whole:
    """A model of transformers that a head completes.

    Attributes:
        kind: the type of the backbones that it is of.
        auto, processor: the classes that load it and make images ready for it.
        settings: of its configuration, beside those of the backbone.
        tensors: maps the head to its tensors, by their names in the model.
        reads: Python for the card: a function `answered` that maps its output to the tensors of the graph, as numpy has
            them.
        note: what a reader should know about it, in a sentence or two.
    """

    kind: str
    auto: str
    processor: str
    settings: Mapping[str, Any]
    tensors: Callable[["nn.Module"], Mapping[str, "Tensor"]]
    reads: str
    note: str


@dataclass(frozen=True)
class Library:
    """How a head that went on from another library's whole model goes back there.

    Attributes:
        state: maps the head to its tensors by the library's names.
        options: with which the library's own model gives the same answers.
        first: the number of the first class there.
    """

    state: "Callable[[nn.Module], Mapping[str, Tensor]]"
    options: Mapping[str, Any]
    first: int


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
        library: how the head goes back to the library of a whole model.
        kept: maps these arrays of rows, and the rows as the model reads them, to what is kept of a model's outputs; see
            `finetrail.targets.learning`.
        whole: the library's own model, where one has this head.
    """

    module: "nn.Module"
    names: tuple[str, ...]
    code: str
    apart: Callable[[Sequence["Tensor"], Sequence["Tensor"]], float]
    kept: Callable[[Any, Any], Any]
    library: Library | None = None
    whole: Whole | None = None
