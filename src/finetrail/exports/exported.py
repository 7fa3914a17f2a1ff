"""What an export says of itself, for the card; and the proof that it answers as the model did."""

from dataclasses import dataclass

from torch import Tensor

from finetrail.errors import ModelError

TOLERANCE = 1e-4


@dataclass(frozen=True)
class Exported:
    """A written folder.

    Attributes:
        library: its Hugging Face name, such as `timm`.
        packages: what has to be installed to load it.
        snippet: Python that loads it and answers, to be run in the folder.
        note: what a reader should know about the form, in a sentence or two.
    """

    library: str
    packages: tuple[str, ...]
    snippet: str
    note: str


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


def names_of(labels: list[str]) -> dict[str, dict[str, object]]:
    """The labels as transformers' configurations name them."""
    return {
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "label2id": {label: number for number, label in enumerate(labels)},
    }
