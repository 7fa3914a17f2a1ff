"""Peer (a): the usual tutorial loop. Texts padded to the maximum length, images transformed one by one, float32."""

import torch
from torch import nn
from torch.utils.data import DataLoader

from peers.datasets import prepare
from peers.setup import Clock, Setup, build_optimizer, build_schedule, load_network


def main() -> None:
    setup = Setup.read()
    network = load_network(setup)
    read = prepare(setup)
    clock = Clock()
    train, val = read(True)
    workers = 0 if setup.text else 2
    loader = DataLoader(train, setup.batch_size, shuffle=True, num_workers=workers)
    val_loader = DataLoader(val, setup.batch_size * 2, num_workers=workers)
    optimizer = build_optimizer(network, setup, fused=False)
    schedule = build_schedule(optimizer, setup, setup.epochs * len(loader))
    for _ in range(setup.epochs):
        network.train()
        for batch in loader:
            optimizer.zero_grad()
            network(**batch)["loss"].backward()
            if setup.clip:
                nn.utils.clip_grad_norm_(network.parameters(), setup.clip)
            optimizer.step()
            schedule.step()
        network.eval()
        with torch.no_grad():
            right = sum(int((network(**batch)["logits"].argmax(1) == batch["labels"]).sum()) for batch in val_loader)
        clock.evaluated(right / len(val))
    clock.stop()


if __name__ == "__main__":
    main()
