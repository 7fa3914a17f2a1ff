"""`linear_probe`: the backbone is frozen, only the head trains (Alain & Bengio 2016)."""

from typing import TYPE_CHECKING, ClassVar, Literal

from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.models.network import Classifier


class LinearProbe(Settings):
    """Train the head alone. The backbone's output is computed once, so that further epochs cost next to nothing."""

    method: Literal["linear_probe"]
    texts_only: ClassVar[bool] = False

    def apply(self, model: "Classifier") -> None:
        """Freeze the backbone."""
        model.backbone.requires_grad_(False)

    def start_epoch(self, model: "Classifier", epoch: int) -> None:
        """Every epoch trains the same."""

    def merge(self, model: "Classifier") -> None:
        """Nothing was added."""
