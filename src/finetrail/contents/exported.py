"""What the card says of an export, and the check that the export answers as the model did."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from finetrail.models.told import Told

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Outputs:
    """What a target says of the outputs of an exported model.

    Attributes:
        names: of the K outputs.
        problem_type: Hugging Face's word, where it has one.
        printed: Python that prints answers from `logits`; given the expression for the outputs' names.
        told: what a graph gives in place of outputs; None where it gives these.
    """

    names: list[str]
    problem_type: str | None
    printed: Callable[[str], str]
    told: "Told | None" = None

    def named(self, names: str) -> str:
        """Python for the outputs' names, where answers have names; else nothing."""
        return names if names in self.printed(names) else ""

    @property
    def printed_by_file(self) -> str:
        """The same, with names from labels.json where answers have names."""
        printed = self.printed("labels")
        read = 'labels = json.load(open("labels.json", encoding="utf-8"))\n' if "labels" in printed else ""
        return read + printed


@dataclass(frozen=True)
class Snippet:
    """Python that loads an export and answers a list of examples, to be run in its folder.

    Attributes:
        opens: loads it.
        given: the name of the list.
        example: a list of one, as Python.
        answers: sets `outputs` from the list, and prints what they mean.
        names: Python for the names of the outputs; empty where they have none.
        outputs: the name of the variable that holds them.
    """

    opens: str
    given: str
    example: str
    answers: str
    names: str = ""
    outputs: str = "logits"

    def __str__(self) -> str:
        return f"{self.opens}{self.given} = {self.example}\n{self.answers}"


@dataclass(frozen=True)
class Asking:
    """How the code of an export is asked what the model was asked.

    Attributes:
        lay_out: maps contents to examples for the snippet's list, as JSON has them; may write files to a folder.
        alike: whether the export reads a content as the model does.
        kept: maps the outputs of each row (..., K), and the rows as the model reads them, to what is kept of a model's
            outputs; see `finetrail.targets.learning`.
        code: what is run; None: the card's own.
    """

    lay_out: Callable[[Sequence[Any], Path], list[Any]]
    alike: Callable[[Any], bool] = lambda content: True
    kept: Callable[[Any, Any], Any] = lambda outputs, inputs: stacked(outputs)
    code: Snippet | None = None


def stacked(outputs: "Iterable[NDArray[Any]]") -> "NDArray[Any]":
    """Outputs of rows (K,) or (T, K) as one array, those with fewer words filled up with zeros."""
    import numpy as np

    found = list(outputs)
    if found[0].ndim == 2:
        widest = max(map(len, found))
        found = [np.pad(one, ((0, widest - len(one)), (0, 0))) for one in found]
    return np.stack(found)


@dataclass(frozen=True)
class Exported:
    """A written folder.

    Attributes:
        library: its Hugging Face name, such as `timm`.
        packages: what must be installed to load it.
        snippet: loads it and answers.
        reads: how much of an example it reads, in a sentence.
        note: what a reader should know about the form, in a sentence or two.
        pipes: whether a pipeline of transformers loads it, and answers as the model does.
    """

    library: str
    packages: tuple[str, ...]
    snippet: Snippet
    reads: str
    asking: Asking
    note: str = ""
    pipes: bool = False


def furthest(ours: "Sequence[Tensor]", theirs: "Sequence[Tensor]") -> float:
    """The largest difference between two results, as a share of the largest number where that is above 1."""
    pairs = zip(ours, theirs, strict=True)
    return max(float((one - other).abs().max()) / max(1.0, float(one.abs().max())) for one, other in pairs)


@dataclass(frozen=True)
class Graph:
    """A model as a function of plain tensors, for ONNX.

    Attributes:
        module: maps the tensors of a batch, in the order of its names, to outputs (B, ..., K), or to what `names` say.
        probes: batches to compare an export with the model: of two, three and one examples, where `axes` let them.
        axes: for each input, the axes of any length and their names in the file.
        names: of what comes out.
        apart: how far apart what comes out of model and file lies.
        exported: the description of the folder, which is to hold `file` and labels.json.
    """

    module: "nn.Module"
    probes: "list[dict[str, Tensor]]"
    axes: Mapping[int, str]
    exported: Exported
    file: str = "model.onnx"
    names: tuple[str, ...] = ("logits",)
    apart: "Callable[[Sequence[Tensor], Sequence[Tensor]], float]" = furthest


def check(ours: "Tensor", theirs: "Tensor", form: str, tolerance: float = TOLERANCE) -> None:
    """Compare the outputs of the model and of its export, read back.

    Raises:
        ModelError: they differ by more than rounding.
    """
    check_apart(furthest([ours], [theirs]), form, tolerance)


def check_apart(apart: float, form: str, tolerance: float) -> None:
    """Raise ModelError if an export lies further apart from the model than rounding explains."""
    if not apart <= tolerance:  # also refuses NaN
        raise ModelError(
            f"the {form} export differs from the model by {apart:.2g}, where {tolerance:g} is allowed; nothing was "
            "written: use another --format, or serve the version with `mlflow models serve`"
        )


def describe(config: object, outputs: Outputs) -> None:
    """Describe the outputs in a transformers configuration, and drop where it was loaded from."""
    names = outputs.names
    said = {
        "num_labels": len(names),
        "problem_type": outputs.problem_type,
        "_name_or_path": "",
        "id2label": dict(enumerate(names)),
        "label2id": {name: number for number, name in enumerate(names)},
    }
    for name, value in said.items():
        setattr(config, name, value)
