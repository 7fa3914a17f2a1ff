"""`lora`: small low-rank matrices train beside the frozen weights (Hu et al. 2021), by peft."""

from typing import TYPE_CHECKING, ClassVar, Literal, cast

from pydantic import Field

from finetrail.errors import ConfigError
from finetrail.settings import Settings

if TYPE_CHECKING:
    from torch import nn

    from finetrail.models.classifier import Classifier


class Lora(Settings):
    """Train low-rank updates of the backbone's layers, and the head. Merged before the model is saved.

    Linear layers, `nn.MultiheadAttention` as a whole (all four of its projections), and convolutions can have one; not
    grouped convolutions, whose updates cannot be merged.

    Attributes:
        r: the rank of an update.
        alpha: an update is scaled by alpha / r.
        dropout: in front of an update; not in `nn.MultiheadAttention`.
        target_modules: the ends of the names of the layers that get one; by default all linear layers and attentions
            of the backbone, or, where it has none, its ungrouped convolutions.
    """

    method: Literal["lora"]
    r: int = Field(8, ge=1)
    alpha: float = Field(16.0, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    target_modules: tuple[str, ...] | None = Field(None, strict=False)
    freezes_backbone: ClassVar[bool] = False

    def apply(self, model: "Classifier") -> None:
        """Freeze the backbone and put adapters beside its layers.

        Raises:
            ConfigError: `target_modules` names no layer of this backbone.
        """
        from peft import LoraConfig, get_peft_model

        linear, convolutions = _candidates(model.backbone)
        names = [*linear, *convolutions]
        if self.target_modules is None:
            targets, unknown = linear or convolutions, []
        else:
            targets = [name for name in names if name.endswith(self.target_modules)]
            unknown = [end for end in self.target_modules if not any(name.endswith(end) for name in names)]
        if unknown or not targets:
            known = sorted({name.rsplit(".", 1)[-1] for name in names})
            raise ConfigError(
                f"target_modules {unknown or self.target_modules!r} name no linear layer or ungrouped convolution; "
                f"it has {', '.join(known) or 'none'}"
            )
        config = LoraConfig(r=self.r, lora_alpha=self.alpha, lora_dropout=self.dropout, target_modules=targets)
        # The head stands outside of what peft wraps, so it trains in full and cannot be lost on the way to disk.
        model.backbone = get_peft_model(model.backbone, config)

    def start_epoch(self, model: "Classifier", epoch: int) -> None:
        """Every epoch trains the same."""

    def merge(self, model: "Classifier") -> None:
        """Add the updates into the weights: the saved model is a plain one, as fast as before."""
        from peft import PeftModel

        model.backbone = cast(PeftModel, model.backbone).merge_and_unload()


def _candidates(backbone: "nn.Module") -> tuple[list[str], list[str]]:
    """The names of the linear layers and attentions, and of the ungrouped convolutions."""
    from torch import nn

    linear: list[str] = []
    convolutions: list[str] = []
    within: tuple[str, ...] = ()
    for name, module in backbone.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            # Its output projection is used by its weight alone: an adapter around that layer would be passed by.
            within = (*within, f"{name}.")
            linear.append(name)
        elif isinstance(module, nn.Linear) and not name.startswith(within):
            linear.append(name)
        elif isinstance(module, nn.Conv2d) and module.groups == 1:
            convolutions.append(name)
    return linear, convolutions
