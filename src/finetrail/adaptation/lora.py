"""`lora`: small low-rank matrices train beside the frozen weights (Hu et al. 2021), by peft."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from finetrail.adaptation.layers import adaptable_layers, is_transposed, layers_to_adapt, require_linear
from finetrail.adaptation.merged import Merged

if TYPE_CHECKING:
    from finetrail.models.network import Network


class Lora(Merged):
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
        init: `zero`: an update starts at 0; `pissa`: it starts as the largest `r` singular values of the weight and
            their vectors, and what is left of the weight is frozen (Meng et al. 2024); in linear layers only.
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
    init: Literal["zero", "pissa"] = "zero"
    dropout: float = Field(0.0, ge=0, lt=1)
    layers: int | None = Field(None, ge=1)
    target_modules: tuple[str, ...] | None = Field(None, strict=False)

    def apply(self, model: "Network") -> None:
        """Freeze the backbone and put adapters beside its layers.

        Raises:
            ConfigError: `target_modules` names no layer of this backbone, or one that `dora` or `init` does not
                support; or it has fewer blocks than `layers`.
        """
        from peft import LoraConfig, get_peft_model

        targets = layers_to_adapt(*adaptable_layers(model.backbone, self.layers), self.target_modules)
        # peft has no DoRA for whole attentions, nor for convolutions laid out channels last.
        if self.dora:
            require_linear(model.backbone, targets, "dora is true", "set dora to false")
        if self.init == "pissa":
            require_linear(model.backbone, targets, "init is 'pissa'", "set init to zero")
        config = LoraConfig(
            r=self.r,
            lora_alpha=self.alpha,
            use_rslora=self.rslora,
            use_dora=self.dora,
            init_lora_weights="pissa" if self.init == "pissa" else True,
            lora_dropout=self.dropout,
            target_modules=targets,
            fan_in_fan_out=any(is_transposed(model.backbone.get_submodule(name)) for name in targets),
        )
        # peft does not wrap the head, so it trains in full and saving cannot lose it.
        model.backbone = get_peft_model(model.backbone, config)
