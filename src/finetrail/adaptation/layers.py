"""The layers of a backbone that adapters and factors can be added to."""

from typing import TYPE_CHECKING

from finetrail.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn


# The last part of the names of layers that compute keys or values in transformers and timm. Some models compute
# queries, keys and values with one matrix; it is scaled as a whole.
KEYS_AND_VALUES = (
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
IN_ATTENTION = (*KEYS_AND_VALUES, "q_proj", "o_proj")
# The endings of the names of the layers that give an attention's output, in transformers, timm and torchvision.
_ATTENTION_OUTPUTS = (
    "attention.output.dense",
    "attention.dense",
    "attention.out_lin",
    "attn.proj",
    "attn.c_proj",
    "attn.Wo",
    "attn.o",
    "out_proj",
    "o_proj",
)
# Torchvision's Swin reads the weights of its projections and never calls them: it would bypass an adapter there.
_READ_NOT_CALLED = ("ShiftedWindowAttention", "ShiftedWindowAttentionV2")


def adaptable_layers(
    backbone: "nn.Module", last: int | None = None, *, whole_attentions: bool = True
) -> tuple[list[str], list[str]]:
    """The names of the linear layers and `nn.MultiheadAttention`s, and those of the ungrouped convolutions.

    The layer that gives the logits of a vocabulary is left out.

    Args:
        last: only in this many blocks from the top, as `finetrail.models.blocks.backbone_blocks` counts them.
        whole_attentions: whether to name `nn.MultiheadAttention`s.

    Raises:
        ConfigError: the backbone has fewer blocks.
    """
    from torch import nn

    spared = getattr(backbone, "output_layer", None)  # often it is the table of word embeddings too
    linear: list[str] = []
    convolutions: list[str] = []
    within: tuple[str, ...] = ()
    for name, module in backbone.named_modules():
        if isinstance(module, nn.MultiheadAttention):
            # It reads only the weight of its output projection: it would bypass an adapter around that layer.
            within = (*within, f"{name}.")
            if whole_attentions:
                linear.append(name)
        elif type(module).__name__ in _READ_NOT_CALLED:
            within = (*within, f"{name}.")
        elif is_linear(module) and module is not spared and not name.startswith(within):
            linear.append(name)
        elif isinstance(module, nn.Conv2d) and module.groups == 1:
            convolutions.append(name)
    if last is None:
        return linear, convolutions
    blocks = _last_blocks(backbone, last)
    return [name for name in linear if name.startswith(blocks)], [
        name for name in convolutions if name.startswith(blocks)
    ]


def branch_ends(backbone: "nn.Module") -> tuple[list[str], list[str]]:
    """The names of the layers whose outputs blocks add to what comes in: of feed-forward layers, and of attentions."""
    from torch import nn

    layers = {name: backbone.get_submodule(name) for name in adaptable_layers(backbone)[0]}
    attentions = [
        name
        for name, one in layers.items()
        if isinstance(one, nn.MultiheadAttention) or name.endswith(_ATTENTION_OUTPUTS)
    ]
    inner = [
        name
        for name, one in layers.items()
        if name not in attentions and last_name(name) not in IN_ATTENTION and narrows(one)
    ]
    return inner, attentions


def is_linear(module: "nn.Module") -> bool:
    """Whether a module is a linear layer, also of the kind of GPT-2."""
    from torch import nn

    return isinstance(module, nn.Linear) or is_transposed(module)


def is_transposed(module: "nn.Module") -> bool:
    """Whether a module is a linear layer whose weight is stored as (inputs, outputs), as in GPT-2."""
    return type(module).__name__ == "Conv1D"  # of transformers; torch's convolution is `Conv1d`


def last_name(name: str) -> str:
    """The last part of a layer's name."""
    return name.rsplit(".", 1)[-1]


def narrows(layer: "nn.Module") -> bool:
    """Whether a linear layer makes vectors smaller, like the second of a feed-forward pair."""
    if is_transposed(layer):
        return int(layer.nx) > int(layer.nf)  # type: ignore[arg-type]
    return int(layer.in_features) > int(layer.out_features)  # type: ignore[arg-type]


def layers_to_adapt(linear: list[str], convolutions: list[str], ends: tuple[str, ...] | None) -> list[str]:
    """The names that end with one of `ends`; by default the linear layers, or the convolutions where there are none.

    Raises:
        ConfigError: one of `ends` matches no name, or there is no layer at all.
    """
    if ends is None and (linear or convolutions):
        return linear or convolutions
    return named_layers([*linear, *convolutions], ends or ())


def require_linear(backbone: "nn.Module", names: list[str], what: str, instead: str) -> bool:
    """Whether the layers are of the kind of GPT-2. Args: what, instead: for the message.

    Raises:
        ConfigError: one is not a linear layer.
    """
    others = [name for name in names if not is_linear(backbone.get_submodule(name))]
    if others:
        kind = type(backbone.get_submodule(others[0])).__name__
        raise ConfigError(
            f"adaptation.{what}, but {others[0]} is not a linear layer ({kind}); name linear layers in "
            f"target_modules, or {instead}"
        )
    return any(is_transposed(backbone.get_submodule(name)) for name in names)


def named_layers(names: list[str], ends: tuple[str, ...]) -> list[str]:
    """The names that end with one of `ends`.

    Raises:
        ConfigError: one of `ends` matches no name.
    """
    unknown = [end for end in ends if not any(name.endswith(end) for name in names)]
    if unknown or not ends:
        known = sorted({name.rsplit(".", 1)[-1] for name in names})
        raise ConfigError(
            f"target_modules {unknown or ends!r} match no linear layer or ungrouped convolution; "
            f"this backbone has {', '.join(known) or 'none'}"
        )
    return [name for name in names if name.endswith(ends)]


def _last_blocks(backbone: "nn.Module", count: int) -> tuple[str, ...]:
    from finetrail.models.blocks import backbone_blocks

    blocks = backbone_blocks(backbone)
    if count > len(blocks):
        raise ConfigError(f"adaptation.layers is {count}, but this backbone has {len(blocks)} blocks; lower it")
    return tuple(f"{name}." for name, _ in blocks[-count:])
