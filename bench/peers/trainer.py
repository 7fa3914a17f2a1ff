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
        arguments = TrainingArguments(
            folder,
            num_train_epochs=setup.epochs,
            per_device_train_batch_size=setup.batch_size,
            per_device_eval_batch_size=setup.batch_size * 2,
            max_grad_norm=setup.clip or 0.0,
            seed=setup.seed,
            eval_strategy="epoch",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            logging_strategy="no",
            label_names=["labels"],
            dataloader_pin_memory=False,
            remove_unused_columns=False,
            use_cpu=True,
            **(faster if tuned else {}),
        )
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
