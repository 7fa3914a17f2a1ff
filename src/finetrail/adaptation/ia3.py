"""`ia3`: scale keys, values and the inside of feed-forward layers (Liu et al. 2022), by peft."""

from typing import TYPE_CHECKING, Literal, cast

from pydantic import Field

from finetrail.adaptation.layers import adaptable_layers, is_transposed, named_layers
from finetrail.adaptation.method import Method
from finetrail.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn

    from finetrail.models.network import Network

# The last part of the names of layers that compute keys or values in transformers and timm. Some models compute
# queries, keys and values with one matrix; it is scaled as a whole.
_KEYS_AND_VALUES = (
    "key",
    "value",
    "k_proj",
    "v_proj",
    "k_lin",
    "v_lin",
    "k",
    "v",
    "kv",
    "qkv",
    "Wqkv",
    "query_key_value",
    "qkv_proj",
    "c_attn",
)
# Projections of attention may make vectors smaller, too: heads share keys, or are wider than their part of the model.
_ATTENTION = (*_KEYS_AND_VALUES, "q_proj", "o_proj")


class Ia3(Method):
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
        narrowing = [name for name in linear if _last(name) not in _ATTENTION and _narrows(layers[name])]
        if self.target_modules is not None:
            targets = named_layers([*linear, *convolutions], self.target_modules)
        else:
            scaled = [name for name in linear if name in narrowing or _last(name) in _KEYS_AND_VALUES]
            targets = scaled if linear else convolutions
        if not targets:
            known = sorted({_last(name) for name in [*linear, *convolutions]})
            listed = f"list some of {', '.join(known)} in target_modules, or " if known else ""
            raise ConfigError(
                "adaptation.method is 'ia3', but this backbone has no keys, values or feed-forward layers under a "
                f"known name; {listed}use another method, such as full"
            )
        inner = [name for name in targets if name in narrowing]
        transposed = any(is_transposed(layers[name]) for name in targets)
        config = IA3Config(target_modules=targets, feedforward_modules=inner, fan_in_fan_out=transposed)
        model.backbone = get_peft_model(model.backbone, config)

    def merge(self, model: "Network") -> None:
        """Multiply the factors into the weights: the saved model is plain and as fast as before."""
        from peft import PeftModel

        model.backbone = cast(PeftModel, model.backbone).merge_and_unload()


def _last(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _narrows(layer: "nn.Module") -> bool:
    if is_transposed(layer):
        return int(layer.nx) > int(layer.nf)  # type: ignore[arg-type]
    return int(layer.in_features) > int(layer.out_features)  # type: ignore[arg-type]
