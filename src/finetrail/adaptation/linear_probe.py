"""`linear_probe`: the backbone is frozen, only the head trains (Alain & Bengio 2016)."""

from typing import TYPE_CHECKING, Literal

from finetrail.adaptation.method import Method

if TYPE_CHECKING:
    from finetrail.models.network import Network


class LinearProbe(Method):
    """Train the head alone. The backbone's output is computed once, so that further epochs cost next to nothing."""

    method: Literal["linear_probe"]

    def apply(self, model: "Network") -> None:
        """Freeze the backbone."""
        model.backbone.requires_grad_(False)
