"""`full`: every weight of the backbone and the head trains."""

from typing import TYPE_CHECKING, ClassVar, Literal

from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.models.network import Classifier


class Full(Settings):
    """Train everything: the most to learn with, the most to pay, and the most to forget."""

    method: Literal["full"]
    texts_only: ClassVar[bool] = False

    def apply(self, model: "Classifier") -> None:
        """Make every parameter trainable."""
        model.requires_grad_(True)

    def start_epoch(self, model: "Classifier", epoch: int) -> None:
        """Every epoch trains the same."""

    def merge(self, model: "Classifier") -> None:
        """Nothing was added."""
