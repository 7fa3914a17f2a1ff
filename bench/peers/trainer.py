"""Peers (b) and (c): transformers' `Trainer`, `defaults` or `tuned` by hand.

Tuned uses what its documentation recommends for speed: bfloat16, padding to the longest text of a batch, texts
grouped by length, and two loader workers.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn
from transformers import DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments

from peers.datasets import load_tokenizer, prepare
from peers.setup import Clock, Setup, build_optimizer, build_schedule, load_network


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("how", choices=["defaults", "tuned"])
    tuned = parser.parse_args().how == "tuned"
    setup = Setup.read()
    network = load_network(setup)
    read = prepare(setup)
    collator = load_collator(setup) if tuned else None
    clock = Clock()
    train(setup, network, read(not tuned), clock.evaluated, collator=collator, tuned=tuned)
    clock.stop()


def load_collator(setup: Setup) -> DataCollatorWithPadding | None:
    """Pads texts to the longest of their batch; None for images."""
    return DataCollatorWithPadding(load_tokenizer(setup)) if setup.text else None


def train(
    setup: Setup,
    network: nn.Module,
    data: Sequence[Any],
    evaluated: Callable[[float], None],
    *,
    collator: DataCollatorWithPadding | None,
    tuned: bool,
    callbacks: Sequence[TrainerCallback] = (),
) -> None:
    """Train, with an evaluation an epoch and nothing written or shown.

    Args:
        data: to train on and to validate.
        evaluated: hears the accuracy of each evaluation.
    """
    faster: dict[str, Any] = {"bf16": True, "dataloader_num_workers": 2, "dataloader_persistent_workers": True}
    if setup.text:
        faster["train_sampling_strategy"] = "group_by_length"

    def score(seen: Any) -> dict[str, float]:
        accuracy = float((seen.predictions.argmax(1) == seen.label_ids).mean())
        evaluated(accuracy)
        return {"accuracy": accuracy}

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            num_train_epochs=setup.epochs,
            per_device_train_batch_size=setup.batch_size,
            per_device_eval_batch_size=setup.batch_size * 2,
            seed=setup.seed,
            max_grad_norm=setup.clip or 0.0,
            eval_strategy="epoch",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
            label_names=["labels"],
            remove_unused_columns=False,
            dataloader_pin_memory=False,
            use_cpu=True,
            **(faster if tuned else {}),
        )
        optimizer = build_optimizer(network, setup, fused=True)
        steps = setup.epochs * -(-len(data[0]) // setup.batch_size)
        Trainer(
            network,
            arguments,
            data_collator=collator,
            train_dataset=data[0],
            eval_dataset=data[1],
            compute_metrics=score,
            callbacks=[*callbacks],
            optimizers=(optimizer, build_schedule(optimizer, setup, steps)),
        ).train()


if __name__ == "__main__":
    main()
