"""Optimisers: which parameter moves at which rate, and by which rule."""

from typing import Any, cast

import torch
from torch import nn
from torch.optim import Optimizer

from finetrail.models.layers import backbone_layers
from finetrail.models.network import Network
from finetrail.training.settings import Training

# In timm's Muon a group of its own for what AdamW moves; the rest are AdamW's usual numbers, which Muon's are not.
_BY_ADAMW = {"use_fallback": True, "nesterov": False, "betas": (0.9, 0.999), "eps": 1e-8}
_BY_MUON = {"use_muon": True, "nesterov": True}


def build_optimizer(model: Network, settings: Training) -> Optimizer:
    """The optimiser of the trainable parameters; its state holds tensors, numbers and strings, and nothing else.

    Norms and biases do not decay. The head may have its own rate, and each layer of the backbone its own share of the
    common one: `layer_decay` to the power of the number of the backbone's layers above it.
    """
    groups = _groups(model, settings)
    match settings.optimizer:
        case "sgd":
            # The fused kernel does not know sharded weights.
            momentum, nesterov, fused = settings.momentum, settings.nesterov, not settings.fsdp
            return torch.optim.SGD(groups, momentum=momentum, nesterov=nesterov, fused=fused)
        case "adafactor":
            # Torch squares the first to the floor of the squared gradient, 1e-30 in the paper. Its own default lies
            # above many a gradient of fine-tuning; 1e-30 squares to 0, and rows without a gradient are divided by it.
            return torch.optim.Adafactor(groups, eps=(1e-15, 1e-3))
        case "lion":
            from timm.optim import Lion

            return cast(Optimizer, Lion(groups))
        case "muon":
            from timm.optim import Muon

            # Steps as long as AdamW's (Liu et al. 2025): one rate fits what either of the two moves.
            return cast(Optimizer, Muon(groups, momentum=settings.momentum, adjust_lr_fn="match_rms_adamw"))
        case "adamw":
            return torch.optim.AdamW(groups, fused=True)


def _groups(model: Network, settings: Training) -> list[dict[str, Any]]:
    """The trainable parameters, those of one rate, decay and rule together."""
    rates = dict.fromkeys(map(id, model.head.parameters()), settings.head_learning_rate or settings.learning_rate)
    if settings.layer_decay is not None:
        for above, layer in enumerate(reversed(backbone_layers(model.backbone))):
            rates |= dict.fromkeys(map(id, layer), settings.learning_rate * settings.layer_decay**above)
    hidden = _hidden_matrices(model) if settings.optimizer == "muon" else set()
    groups: dict[tuple[float, float, bool], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            rate = rates.get(id(parameter), settings.learning_rate)
            decay = settings.weight_decay if _is_matrix(parameter) else 0.0
            groups.setdefault((rate, decay, id(parameter) in hidden), []).append(parameter)
    described: list[dict[str, Any]] = []
    for (rate, decay, orthogonal), parameters in groups.items():
        rule = (_BY_MUON if orthogonal else _BY_ADAMW) if settings.optimizer == "muon" else {}
        described.append({"params": parameters, "lr": rate, "weight_decay": decay, **rule})
    # The curves show the rate of the first group: let that be the common one, if it is in use.
    described.sort(key=lambda group: group["lr"] != settings.learning_rate)
    return described


def _is_matrix(parameter: nn.Parameter) -> bool:
    """Not a bias or a scale, whichever shape it is kept in: ConvNeXt's layer scales are (C, 1, 1)."""
    return parameter.ndim == 2 or sum(size > 1 for size in parameter.shape) > 1


def _hidden_matrices(model: Network) -> set[int]:
    """The ids of the backbone's matrices and convolutions.

    Embeddings are tables of vectors, and no map from vectors to vectors. A depthwise convolution (C, 1, k, k), position
    embeddings (1, S, D) and adapters of rank 1 have no two directions that Muon could make orthogonal.
    """
    tables = (nn.Embedding, nn.EmbeddingBag)
    embeddings = {
        id(table) for module in model.backbone.modules() if isinstance(module, tables) for table in module.parameters()
    }
    backbone = model.backbone.parameters()
    return {id(one) for one in backbone if one.ndim > 1 and min(one.shape[:2]) > 1} - embeddings
