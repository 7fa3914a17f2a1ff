"""`adapter`: small bottleneck layers train between the frozen ones (Houlsby et al. 2019)."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from finetrail.adaptation.layers import branch_ends
from finetrail.adaptation.method import Method
from finetrail.errors import ConfigError

if TYPE_CHECKING:
    from finetrail.models.network import Network


class Adapter(Method):
    """Train adapters behind the layers of each block, and the head. The saved model holds them beside its weights.

    Attributes:
        placement: `houlsby`: two a block, behind the attention and behind the feed-forward layers; `pfeiffer`: one,
            behind the feed-forward layers, which is nearly as good (Pfeiffer et al. 2021). Either stands in front of
            the sum with the block's input.
        size: numbers that an adapter narrows its vectors to.
    """

    method: Literal["adapter"]
    placement: Literal["houlsby", "pfeiffer"] = "pfeiffer"
    size: int = Field(64, ge=1)

    def apply(self, model: "Network") -> None:
        """Freeze the backbone and put adapters into its blocks.

        Raises:
            ConfigError: the backbone is not made of attention and feed-forward layers.
        """
        from finetrail.models.bottlenecks import add_bottlenecks

        inner, attentions = branch_ends(model.backbone)
        if not inner or (self.placement == "houlsby" and not attentions):
            lacking = "feed-forward layers" if not inner else "attention"
            raise ConfigError(
                f"adaptation.method is 'adapter', but this backbone has no {lacking} under a known name; use another "
                "method, such as lora"
            )
        model.backbone.requires_grad_(False)
        add_bottlenecks(model.backbone, [*inner, *(attentions if self.placement == "houlsby" else ())], self.size)
