"""Optimisers: the rate and the update rule of each parameter."""

from typing import Any, cast

import torch
from torch import nn
from torch.optim import Optimizer

from finetrail.models.layers import backbone_layers
from finetrail.models.network import Network
from finetrail.training.settings import Training

# timm's Muon takes a separate group for what AdamW updates. Muon's defaults differ from AdamW's usual values here.
_BY_ADAMW = {"use_fallback": True, "nesterov": False, "betas": (0.9, 0.999), "eps": 1e-8}
_BY_MUON = {"use_muon": True, "nesterov": True}


def build_optimizer(model: Network, settings: Training) -> Optimizer:
    """The optimiser of the trainable parameters; its state holds only tensors, numbers and strings.

    Norms and biases do not decay. The head may have its own rate, and each layer of the backbone its own share of the
    common one: `layer_decay` to the power of the number of backbone layers above it.
    """
    groups = _groups(model, settings)
    match settings.optimizer:
        case "sgd":
            # The fused kernel does not support sharded weights.
            momentum, nesterov, fused = settings.momentum, settings.nesterov, not settings.fsdp
            return torch.optim.SGD(groups, momentum=momentum, nesterov=nesterov, fused=fused)
        case "adafactor":
            # Torch squares the first value to get the floor of the squared gradient, 1e-30 in the paper. Its default
            # exceeds many fine-tuning gradients; 1e-30 would square to 0, a divisor of rows without a gradient.
            return torch.optim.Adafactor(groups, eps=(1e-15, 1e-3))
        case "lion":
            from timm.optim import Lion

            return cast(Optimizer, Lion(groups))
        case "muon":
            from timm.optim import Muon

            # Steps as long as AdamW's (Liu et al. 2025), so one rate fits both optimisers.
            return cast(Optimizer, Muon(groups, momentum=settings.momentum, adjust_lr_fn="match_rms_adamw"))
        case "adamw":
            return torch.optim.AdamW(groups, fused=True)


def _groups(model: Network, settings: Training) -> list[dict[str, Any]]:
    """The trainable parameters, grouped by rate, decay and rule."""
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
    # The curves show the rate of the first group: put the common rate first, if any group uses it.
    described.sort(key=lambda group: group["lr"] != settings.learning_rate)
    return described


def _is_matrix(parameter: nn.Parameter) -> bool:
    """Whether it is neither a bias nor a scale, whatever its shape: ConvNeXt's layer scales are (C, 1, 1)."""
    return parameter.ndim == 2 or sum(size > 1 for size in parameter.shape) > 1


def _hidden_matrices(model: Network) -> set[int]:
    """The ids of the backbone's matrices and convolutions.

    Embeddings are excluded: they are tables of vectors, not maps between vectors. So are depthwise convolutions
    (C, 1, k, k), position embeddings (1, S, D) and adapters of rank 1: Muon needs two directions to orthogonalise.
    """
    tables = (nn.Embedding, nn.EmbeddingBag)
    embeddings = {
        id(table) for module in model.backbone.modules() if isinstance(module, tables) for table in module.parameters()
    }
    backbone = model.backbone.parameters()
    return {id(one) for one in backbone if one.ndim > 1 and min(one.shape[:2]) > 1} - embeddings
