"""`full`: every weight of the backbone and the head trains."""

from typing import TYPE_CHECKING, Literal

from finetrail.adaptation.method import Method

if TYPE_CHECKING:
    from finetrail.models.network import Network


class Full(Method):
    """Train everything: the most to learn with, the most to pay, and the most to forget."""

    method: Literal["full"]

    def apply(self, model: "Network") -> None:
        """Make every parameter trainable."""
        model.requires_grad_(True)
