"""Optimisers and schedules."""

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from finetrail.models.classifier import Classifier
from finetrail.training.settings import Training


def build_optimizer(model: Classifier, settings: Training) -> Optimizer:
    """AdamW or SGD over the trainable parameters; norms and biases do not decay, the head may have its own rate."""
    head = {id(parameter) for parameter in model.head.parameters()}
    head_rate = settings.head_learning_rate or settings.learning_rate
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            rate = head_rate if id(parameter) in head else settings.learning_rate
            decay = settings.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((rate, decay), []).append(parameter)
    described = [{"params": group, "lr": rate, "weight_decay": decay} for (rate, decay), group in groups.items()]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(described, momentum=0.9, fused=True)
    return torch.optim.AdamW(described, fused=True)


def build_schedule(optimizer: Optimizer, settings: Training, steps: int) -> LRScheduler:
    """Warm-up, then down to 0 over `steps` optimiser steps in all."""
    from transformers.optimization import get_scheduler

    name = "constant_with_warmup" if settings.schedule == "constant" else settings.schedule
    scheduler: LRScheduler = get_scheduler(
        name, optimizer, num_warmup_steps=round(settings.warmup * steps), num_training_steps=steps
    )
    return scheduler
