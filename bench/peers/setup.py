"""Code shared by all sides: the settings, the clock, and for the peers the network, the optimiser, the schedule.

A side is a program that reads a `Setup` from its standard input and prints the measurements of its `Clock`.
"""

import json
import math
import os
import random
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

SPLITS = ("train", "val")
PADDING = 4
"""Pixels of padding around an image before a crop."""
LORA = {"r": 8, "lora_alpha": 16, "target_modules": ["query", "value"]}


@dataclass(frozen=True)
class Setup:
    """The settings of every side.

    Attributes:
        task: as in params.yaml; `backbone` is that section of it.
        folder: holds the data and `start.safetensors`, the initial weights of all sides.
        attention: transformers' attention, for the peers; None for its default.
        seed: determines the order of the examples.
        names: of the classes, where they are not numbers.
    """

    task: Literal["text-classification", "image-classification", "object-detection"]
    backbone: dict[str, Any]
    folder: str
    classes: int
    method: Literal["full", "lora", "linear_probe"]
    epochs: int
    batch_size: int
    rate: float
    optimizer: Literal["adamw", "sgd"]
    weight_decay: float
    warmup: float
    clip: float | None
    attention: str | None = None
    seed: int = 0
    names: list[str] = field(default_factory=list)

    @classmethod
    def read(cls) -> "Setup":
        """Read from standard input what `json` writes, and seed all random number generators."""
        setup = cls(**json.load(sys.stdin))
        random.seed(setup.seed)
        np.random.seed(setup.seed)
        torch.manual_seed(setup.seed)
        return setup

    @property
    def json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def text(self) -> bool:
        return self.task == "text-classification"

    @property
    def start(self) -> dict[str, Tensor]:
        """The initial weights, by their names in finetrail's own `Network`."""
        tensors: dict[str, Tensor] = load_file(Path(self.folder) / "start.safetensors")
        return tensors


class Clock:
    """Starts when created: after imports and weights, before the first text or image is read."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._spent = processor_seconds()
        self._evaluations: list[tuple[float, float]] = []

    def evaluated(self, score: float) -> None:
        """Record the time and score of an evaluation."""
        self._evaluations.append((time.perf_counter() - self._started, score))

    def stop(self) -> None:
        """Print the measurements as one line of JSON."""
        seen = {
            "seconds": time.perf_counter() - self._started,
            "processor": processor_seconds() - self._spent,
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "evaluations": self._evaluations,
        }
        print(json.dumps(seen), flush=True)


def processor_seconds() -> float:
    """CPU seconds of all threads, and of the workers that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


class Network(nn.Module):
    """A body and a linear head, with the call signature of transformers' models."""

    def __init__(self, body: nn.Module, head: nn.Linear, method: str) -> None:
        super().__init__()
        self.body, self.head = body, head
        self._frozen = method == "linear_probe"
        if self._frozen:
            body.requires_grad_(False)

    def train(self, mode: bool = True) -> "Network":
        super().train(mode)
        if self._frozen:
            self.body.eval()
        return self

    def forward(self, labels: Tensor, **inputs: Tensor) -> dict[str, Tensor]:
        """Args: labels: (B,). inputs: `pixels` (B, 3, S, S), or a tokenizer's output for B texts."""
        if "pixels" in inputs:
            features = self.body(inputs["pixels"])
        else:
            tokens = self.body(**inputs).last_hidden_state
            mask = inputs["attention_mask"].unsqueeze(-1).to(tokens.dtype)
            features = (tokens * mask).sum(1) / mask.sum(1)
        logits = self.head(features)
        return {"loss": functional.cross_entropy(logits, labels), "logits": logits}


def load_network(setup: Setup) -> Network:
    """Load the peers' model: the library's own, with its defaults."""
    start = setup.start
    body: Any
    if setup.text:
        from transformers import AutoModel

        from finetrail.locations import locate

        none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "add_pooling_layer": False}
        folder = locate(setup.backbone["weights"], Path())
        body = AutoModel.from_pretrained(
            folder, local_files_only=True, attn_implementation=setup.attention, **none, trust_remote_code=False
        )
        if setup.method == "lora":
            from peft import LoraConfig, get_peft_model

            body = get_peft_model(body, LoraConfig(**LORA))
    else:
        from finetrail.contents.image.backbone import VisionBackbone, load_pretrained
        from finetrail.contents.image.settings import ImageBackbone

        loaded = load_pretrained(ImageBackbone(**setup.backbone), Path(), "pooled", ("image",))
        body = cast(VisionBackbone, loaded.network).network
        inside = "backbone.network."
        body.load_state_dict({name[len(inside) :]: start[name] for name in start if name.startswith(inside)})
        body.to(memory_format=torch.contiguous_format)
    head = nn.Linear(start["head.weight"].shape[1], setup.classes)
    head.load_state_dict({name: start[f"head.{name}"] for name in ("weight", "bias")})
    return Network(body, head, setup.method)


def build_optimizer(network: nn.Module, setup: Setup, *, fused: bool) -> Optimizer:
    """Build the optimiser; biases and norms do not decay."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [one for one in trained if one.ndim > 1], "weight_decay": setup.weight_decay},
        {"params": [one for one in trained if one.ndim <= 1], "weight_decay": 0.0},
    ]
    if setup.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=setup.rate, momentum=0.9, fused=fused)
    return torch.optim.AdamW(groups, lr=setup.rate, fused=fused)


def build_schedule(optimizer: Optimizer, setup: Setup, steps: int) -> LambdaLR:
    """Build the schedule: up during the warm-up, then down to 0 along a cosine."""
    warm = round(setup.warmup * steps)

    def share(step: int) -> float:
        if step < warm:
            return step / warm
        return (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))) / 2

    return LambdaLR(optimizer, share)
