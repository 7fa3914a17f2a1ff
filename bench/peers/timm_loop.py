"""Peer (d), for images: the pieces of timm's own training script, in its order, on our network.

It uses timm's dataset, loader (without the prefetcher, which needs a GPU), optimiser and schedule, with its options for
speed: `--amp --amp-dtype bfloat16 --channels-last`. The transforms are those of the other sides, which timm does not
have. timm has no script for a linear probe, so that case is its loop with a frozen body.
"""

from pathlib import Path
from typing import Any

import torch
from timm.data import create_dataset, create_loader
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import AverageMeter, accuracy, dispatch_clip_grad
from torch import nn

from peers.datasets import image_transforms
from peers.setup import SPLITS, Clock, Setup, load_network


def main() -> None:
    setup = Setup.read()
    network = load_network(setup)
    network.to(memory_format=torch.channels_last)
    transforms = image_transforms(setup)
    clock = Clock()
    loaders: list[Any] = []
    for split in SPLITS:
        loader = create_loader(
            create_dataset("", root=Path(setup.folder) / split),
            input_size=(3, setup.backbone["image_size"], setup.backbone["image_size"]),
            batch_size=setup.batch_size * (1 if split == "train" else 2),
            is_training=split == "train",
            use_prefetcher=False,
            num_workers=2,
            device=torch.device("cpu"),
        )
        loader.dataset.transform = transforms[split]
        loaders.append(loader)
    train, val = loaders
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = create_optimizer_v2(
        network if len(trained) > 2 else trained, opt=setup.optimizer, lr=setup.rate, weight_decay=setup.weight_decay
    )
    warm = round(setup.warmup * setup.epochs)
    schedule, _ = create_scheduler_v2(
        optimizer,
        "cosine",
        num_epochs=setup.epochs,
        warmup_epochs=warm,
        step_on_epochs=False,
        updates_per_epoch=len(train),
    )
    updates = 0
    for _ in range(setup.epochs):
        network.train()
        for pixels, labels in train:
            with torch.autocast("cpu", torch.bfloat16):
                output = network(pixels=pixels.contiguous(memory_format=torch.channels_last), labels=labels)
            output["loss"].backward()
            if setup.clip:
                dispatch_clip_grad(network.parameters(), setup.clip)
            optimizer.step()
            optimizer.zero_grad()
            updates += 1
            schedule.step_update(updates)
        clock.evaluated(evaluate(network, val))
    clock.stop()


def evaluate(network: nn.Module, loader: Any) -> float:
    network.eval()
    top = AverageMeter()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for pixels, labels in loader:
            logits = network(pixels=pixels.contiguous(memory_format=torch.channels_last), labels=labels)["logits"]
            top.update(accuracy(logits, labels)[0].item(), len(labels))
    return float(top.avg) / 100


if __name__ == "__main__":
    main()
