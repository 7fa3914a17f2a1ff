"""`lora`: small low-rank matrices train beside the frozen weights (Hu et al. 2021), by peft."""

from typing import TYPE_CHECKING, ClassVar, Literal, cast

from pydantic import Field

from finetrail.errors import ConfigError
from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.models.classifier import Classifier


class Lora(Settings):
    """Train low-rank updates of the backbone's linear layers, and the head. Merged before the model is saved.

    Attributes:
        r: the rank of an update.
        alpha: an update is scaled by alpha / r.
        dropout: in front of an update.
        target_modules: the ends of the names of the layers that get one; all linear layers of the backbone by default.
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
        from torch import nn

        names = [name for name, module in model.backbone.named_modules() if isinstance(module, nn.Linear)]
        targets = [name for name in names if self.target_modules is None or name.endswith(self.target_modules)]
        unknown = [end for end in self.target_modules or () if not any(name.endswith(end) for name in names)]
        if unknown or not targets:
            known = sorted({name.rsplit(".", 1)[-1] for name in names})
            raise ConfigError(
                f"target_modules {unknown or self.target_modules!r} name no linear layer; it has {', '.join(known)}"
            )
        config = LoraConfig(r=self.r, lora_alpha=self.alpha, lora_dropout=self.dropout, target_modules=targets)
        # The head stands outside of what peft wraps, so it trains in full and cannot be lost on the way to disk.
        model.backbone = get_peft_model(model.backbone, config)

    def merge(self, model: "Classifier") -> None:
        """Add the updates into the weights: the saved model is a plain one, as fast as before."""
        from peft import PeftModel

        model.backbone = cast(PeftModel, model.backbone).merge_and_unload()
