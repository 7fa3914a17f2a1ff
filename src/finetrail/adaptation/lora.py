"""`lora`: small low-rank matrices train beside the frozen weights (Hu et al. 2021), by peft."""

from typing import TYPE_CHECKING, Literal, cast

from pydantic import Field

from finetrail.adaptation.layers import adaptable_layers, is_linear, is_transposed, named_layers
from finetrail.adaptation.method import Method
from finetrail.errors import ConfigError

if TYPE_CHECKING:
    from finetrail.models.network import Network


class Lora(Method):
    """Train low-rank updates of the backbone's layers, and the head. Merged before the model is saved.

    Linear layers, `nn.MultiheadAttention` as a whole (all four projections) and convolutions can have an update.
    Grouped convolutions cannot, since their updates cannot be merged; nor can the attention of torchvision's Swin,
    which reads the weights of its layers without calling them.

    Attributes:
        r: the rank of an update.
        alpha: an update is scaled by alpha / r.
        rslora: scale by alpha / sqrt(r) instead, so that high ranks learn as fast as low ones (Kalajdzievski 2023).
        dora: train the length of each weight column separately from its direction, which gets the low-rank update
            (Liu et al. 2024); in linear layers only.
        dropout: before an update; not in `nn.MultiheadAttention`.
        layers: only this many last blocks get updates, as `finetrail.models.blocks.backbone_blocks` counts them;
            null: all blocks, and the layers outside them.
        target_modules: the name endings of the layers that get one; by default all linear layers and attentions of the
            backbone, or, if it has none, its ungrouped convolutions.
    """

    method: Literal["lora"]
    r: int = Field(8, ge=1)
    alpha: float = Field(16.0, gt=0)
    rslora: bool = False
    dora: bool = False
    dropout: float = Field(0.0, ge=0, lt=1)
    layers: int | None = Field(None, ge=1)
    target_modules: tuple[str, ...] | None = Field(None, strict=False)

    def apply(self, model: "Network") -> None:
        """Freeze the backbone and put adapters beside its layers.

        Raises:
            ConfigError: `target_modules` names no layer of this backbone, or one that `dora` does not support; or it
                has fewer blocks than `layers`.
        """
        from peft import LoraConfig, get_peft_model

        linear, convolutions = adaptable_layers(model.backbone, self.layers)
        if self.target_modules is None and (linear or convolutions):
            targets = linear or convolutions
        else:
            targets = named_layers([*linear, *convolutions], self.target_modules or ())
        if self.dora:
            _require_linear(model, targets)
        config = LoraConfig(
            r=self.r,
            lora_alpha=self.alpha,
            use_rslora=self.rslora,
            use_dora=self.dora,
            lora_dropout=self.dropout,
            target_modules=targets,
            fan_in_fan_out=any(is_transposed(model.backbone.get_submodule(name)) for name in targets),
        )
        # peft does not wrap the head, so it trains in full and saving cannot lose it.
        model.backbone = get_peft_model(model.backbone, config)

    def merge(self, model: "Network") -> None:
        """Add the updates to the weights: the saved model is plain and as fast as before."""
        from peft import PeftModel

        model.backbone = cast(PeftModel, model.backbone).merge_and_unload()


def _require_linear(model: "Network", targets: list[str]) -> None:
    """Refuse other layers: peft has no DoRA for whole attentions, nor for convolutions laid out channels last."""
    others = [name for name in targets if not is_linear(model.backbone.get_submodule(name))]
    if others:
        kind = type(model.backbone.get_submodule(others[0])).__name__
        raise ConfigError(
            f"adaptation.dora is true, but {others[0]} is not a linear layer ({kind}); name linear layers in "
            "target_modules, or set dora to false"
        )
