"""Peers (b) and (c): transformers' `Trainer`, `defaults` or `tuned` by hand.

Tuned uses what its documentation recommends for speed: bfloat16, padding to the longest text of a batch, texts
grouped by length, and two loader workers.
"""

import argparse
import tempfile
from typing import Any

from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from peers.datasets import load_tokenizer, prepare
from peers.setup import Clock, Setup, build_optimizer, build_schedule, load_network


def training_arguments(folder: str, epochs: int, batch_size: int, seed: int, **own: Any) -> TrainingArguments:
    """What every Trainer here is given: an evaluation an epoch, and nothing written or shown."""
    return TrainingArguments(
        folder,
        num_train_epochs=epochs,
        per_device_train_batch_size=batch_size,
        per_device_eval_batch_size=batch_size * 2,
        seed=seed,
        eval_strategy="epoch",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_strategy="no",
        label_names=["labels"],
        dataloader_pin_memory=False,
        use_cpu=True,
        **own,
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("how", choices=["defaults", "tuned"])
    tuned = parser.parse_args().how == "tuned"
    setup = Setup.read()
    network = load_network(setup)
    read = prepare(setup)
    collator = DataCollatorWithPadding(load_tokenizer(setup)) if tuned and setup.text else None
    faster: dict[str, Any] = {"bf16": True, "dataloader_num_workers": 2, "dataloader_persistent_workers": True}
    if setup.text:
        faster["train_sampling_strategy"] = "group_by_length"
    clock = Clock()
    train, val = read(not tuned)

    def score(seen: Any) -> dict[str, float]:
        accuracy = float((seen.predictions.argmax(1) == seen.label_ids).mean())
        clock.evaluated(accuracy)
        return {"accuracy": accuracy}

    with tempfile.TemporaryDirectory() as folder:
        own = {"max_grad_norm": setup.clip or 0.0, "remove_unused_columns": False} | (faster if tuned else {})
        arguments = training_arguments(folder, setup.epochs, setup.batch_size, setup.seed, **own)
        optimizer = build_optimizer(network, setup, fused=True)
        steps = setup.epochs * -(-len(train) // setup.batch_size)
        Trainer(
            network,
            arguments,
            data_collator=collator,
            train_dataset=train,
            eval_dataset=val,
            compute_metrics=score,
            optimizers=(optimizer, build_schedule(optimizer, setup, steps)),
        ).train()
    clock.stop()


if __name__ == "__main__":
    main()
