"""`ia3`: scale keys, values and the inside of feed-forward layers (Liu et al. 2022), by peft."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from finetrail.adaptation.layers import (
    IN_ATTENTION,
    KEYS_AND_VALUES,
    adaptable_layers,
    is_transposed,
    last_name,
    named_layers,
    narrows,
)
from finetrail.adaptation.merged import Merged
from finetrail.errors import ConfigError

if TYPE_CHECKING:
    from finetrail.models.network import Network


class Ia3(Merged):
    """Train one factor per channel, and the head: a few thousand numbers. Merged before the model is saved.

    Attributes:
        target_modules: the name endings of the layers to scale. A layer's output is scaled, or its input if the layer
            makes vectors smaller, like the second of a feed-forward pair. By default the backbone's keys, values and
            such second layers, or, without linear layers, its ungrouped convolutions. Not `nn.MultiheadAttention`.
    """

    method: Literal["ia3"]
    target_modules: tuple[str, ...] | None = Field(None, strict=False)

    def apply(self, model: "Network") -> None:
        """Freeze the backbone and put factors beside its layers.

        Raises:
            ConfigError: `target_modules` names no layer of this backbone, or no layer is scaled by default.
        """
        from peft import IA3Config, get_peft_model
        from torch import nn

        layers = dict(model.backbone.named_modules())
        linear, convolutions = adaptable_layers(model.backbone)
        linear = [name for name in linear if not isinstance(layers[name], nn.MultiheadAttention)]
        narrowing = [name for name in linear if last_name(name) not in IN_ATTENTION and narrows(layers[name])]
        if self.target_modules is not None:
            targets = named_layers([*linear, *convolutions], self.target_modules)
        else:
            scaled = [name for name in linear if name in narrowing or last_name(name) in KEYS_AND_VALUES]
            targets = scaled if linear else convolutions
        if not targets:
            known = sorted({last_name(name) for name in [*linear, *convolutions]})
            listed = f"list some of {', '.join(known)} in target_modules, or " if known else ""
            raise ConfigError(
                "adaptation.method is 'ia3', but this backbone has no keys, values or feed-forward layers under a "
                f"known name; {listed}use another method, such as full"
            )
        inner = [name for name in targets if name in narrowing]
        transposed = any(is_transposed(layers[name]) for name in targets)
        config = IA3Config(target_modules=targets, feedforward_modules=inner, fan_in_fan_out=transposed)
        model.backbone = get_peft_model(model.backbone, config)
