"""The base of peft's methods whose updates become part of the weights."""

from typing import TYPE_CHECKING, cast

from finetrail.adaptation.method import Method

if TYPE_CHECKING:
    from finetrail.models.network import Network


class Merged(Method):
    """The saved model is a plain one, as fast as before."""

    def merge(self, model: "Network") -> None:
        """Add the updates to the weights of their layers."""
        from peft import PeftModel

        model.backbone = cast(PeftModel, model.backbone).merge_and_unload()
