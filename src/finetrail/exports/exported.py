"""What an export says of itself, for the card; and the proof that it answers as the model did."""

from dataclasses import dataclass

from torch import Tensor

from finetrail.errors import ModelError
from finetrail.targets.problem import REGRESSION
from finetrail.tasks.task import Built

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Exported:
    """A written folder.

    Attributes:
        library: its Hugging Face name, such as `timm`.
        packages: what has to be installed to load it.
        snippet: Python that loads it and answers, to be run in the folder.
        reads: what of an example it reads, in a sentence.
        note: what a reader should know about the form, in a sentence or two.
    """

    library: str
    packages: tuple[str, ...]
    snippet: str
    reads: str
    note: str = ""


def check(ours: Tensor, theirs: Tensor, form: str, tolerance: float = TOLERANCE) -> None:
    """Compare the outputs of the model and of its export, read back.

    Raises:
        ModelError: they differ by more than rounding.
    """
    apart = float((ours - theirs).abs().max()) / max(1.0, float(ours.abs().max()))
    if not apart <= tolerance:  # not a number, either
        raise ModelError(
            f"the export to {form} would answer otherwise than the model, by {apart:.2g}, more than {tolerance:g}; "
            "nothing was written: take another --format"
        )


def names_of(labels: list[str]) -> dict[str, dict[int, str] | dict[str, int]]:
    """The labels as transformers' configurations name them."""
    return {"id2label": dict(enumerate(labels)), "label2id": {label: number for number, label in enumerate(labels)}}


def describe(config: object, built: Built) -> None:
    """Say in a configuration of transformers what the outputs are, and nothing of where it was loaded from."""
    kind = {"num_labels": len(built.labels), "problem_type": built.problem, "_name_or_path": ""}
    for name, value in {**kind, **names_of(built.labels)}.items():
        setattr(config, name, value)


def answer(built: Built, labels: str) -> str:
    """The last line of a snippet. Args: labels: the expression that gives the label of a number when indexed."""
    if built.problem == REGRESSION.name:
        return "print(logits[:, 0].tolist())"
    return f"print([{labels}[number] for number in logits.argmax(1).tolist()])"
