"""`vera`: two vectors per layer train between random matrices that all layers share (Kopiczko et al. 2024), by peft."""

from typing import TYPE_CHECKING, Literal
from warnings import catch_warnings, simplefilter

from pydantic import Field

from finetrail.adaptation.layers import adaptable_layers, layers_to_adapt, require_linear
from finetrail.adaptation.merged import Merged

if TYPE_CHECKING:
    from finetrail.models.network import Network


class Vera(Merged):
    """Train the scales of a low-rank update, and the head: about a tenth of what `lora` trains.

    The matrices are random, drawn with the candidate's seed, and never train. The vectors need a higher learning rate
    than weights, such as 1e-2.

    Attributes:
        r: the rank of an update; much higher than that of `lora`, since a rank costs one number per layer.
        initial: what the scales of the ranks start from; those of the outputs start at 0, so an update does.
        dropout: before an update.
        target_modules: the name endings of the linear layers that get one; null: all.
    """

    method: Literal["vera"]
    r: int = Field(256, ge=1)
    initial: float = Field(0.1, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    target_modules: tuple[str, ...] | None = Field(None, strict=False)

    def apply(self, model: "Network") -> None:
        """Freeze the backbone and put updates beside its linear layers.

        Raises:
            ConfigError: `target_modules` names no layer of this backbone, or one that is not linear.
        """
        import torch
        from peft import VeraConfig, get_peft_model

        targets = layers_to_adapt(*adaptable_layers(model.backbone, whole_attentions=False), self.target_modules)
        transposed = require_linear(model.backbone, targets, "method is 'vera'", "use another method, such as lora")
        with catch_warnings():
            # A checkpoint need not hold what the seed draws again; peft warns of that.
            simplefilter("ignore", UserWarning)
            config = VeraConfig(
                r=self.r,
                d_initial=self.initial,
                vera_dropout=self.dropout,
                target_modules=targets,
                fan_in_fan_out=transposed,
                projection_prng_key=int(torch.randint(2**31, ())),
                save_projection=False,
            )
        model.backbone = get_peft_model(model.backbone, config)
