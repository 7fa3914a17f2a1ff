"""Optimisers and schedules."""

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from finetrail.models.classifier import Classifier
from finetrail.models.layers import backbone_layers
from finetrail.training.settings import Training


def build_optimizer(model: Classifier, settings: Training) -> Optimizer:
    """AdamW or SGD over the trainable parameters.

    Norms and biases do not decay. The head may have its own rate, and each layer of the backbone its own share of the
    common one: `layer_decay` to the power of the number of the backbone's layers above it.
    """
    rates = dict.fromkeys(map(id, model.head.parameters()), settings.head_learning_rate or settings.learning_rate)
    if settings.layer_decay is not None:
        for above, layer in enumerate(reversed(backbone_layers(model.backbone))):
            rates |= dict.fromkeys(map(id, layer), settings.learning_rate * settings.layer_decay**above)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            rate = rates.get(id(parameter), settings.learning_rate)
            decay = settings.weight_decay if _is_matrix(parameter) else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    described = [{"params": group, "lr": rate, "weight_decay": decay} for (rate, decay), group in groups.items()]
    # The curves show the rate of the first group: let that be the common one, if it is in use.
    described.sort(key=lambda group: group["lr"] != settings.learning_rate)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(described, momentum=settings.momentum, nesterov=settings.nesterov, fused=True)
    return torch.optim.AdamW(described, fused=True)


def _is_matrix(parameter: nn.Parameter) -> bool:
    """Not a bias or a scale, whichever shape it is kept in: ConvNeXt's layer scales are (C, 1, 1)."""
    return parameter.ndim == 2 or sum(size > 1 for size in parameter.shape) > 1


def build_schedule(optimizer: Optimizer, settings: Training, steps: int) -> LRScheduler:
    """Warm-up, then down to 0 over `steps` optimiser steps in all."""
    from transformers.optimization import get_scheduler

    name = "constant_with_warmup" if settings.schedule == "constant" else settings.schedule
    scheduler: LRScheduler = get_scheduler(
        name, optimizer, num_warmup_steps=round(settings.warmup * steps), num_training_steps=steps
    )
    return scheduler
