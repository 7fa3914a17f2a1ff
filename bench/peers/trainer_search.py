"""Peer of bench/search.py: Optuna around transformers' `Trainer`, tuned as in `trainer.py`.

Texts are tokenized once. Prints, as JSON, the seconds of each trial and its best accuracy, null where it was pruned.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
)

from peers.trainer import training_arguments


class Report(TrainerCallback):  # type: ignore[misc]
    """Tells the pruner of each evaluation, and keeps the best."""

    def __init__(self, trial: optuna.Trial) -> None:
        self.trial, self.best, self.count = trial, 0.0, 0

    def on_evaluate(self, *_: Any, metrics: dict[str, float], **__: Any) -> None:
        self.count += 1
        self.best = max(self.best, metrics["eval_accuracy"])
        self.trial.report(metrics["eval_accuracy"], self.count)
        if self.trial.should_prune():
            raise optuna.TrialPruned


def main() -> None:
    given = json.load(sys.stdin)
    tokenizer = AutoTokenizer.from_pretrained(given["weights"], trust_remote_code=False)
    frames = {split: read(Path(given["splits"]) / split) for split in ("train", "val")}
    names = sorted(frames["train"]["label"].unique())
    rows = {
        split: [
            {"input_ids": tokens, "labels": names.index(label)}
            for tokens, label in zip(
                tokenizer(frame["text"].tolist(), truncation=True, max_length=given["max_tokens"])["input_ids"],
                frame["label"],
                strict=True,
            )
        ]
        for split, frame in frames.items()
    }
    taken: list[tuple[float, float | None]] = []

    def objective(trial: optuna.Trial) -> float:
        began = time.perf_counter()
        report = Report(trial)
        try:
            train(given, tokenizer, rows, len(names), report)
        except optuna.TrialPruned:
            taken.append((time.perf_counter() - began, None))
            raise
        taken.append((time.perf_counter() - began, report.best))
        return report.best

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=given["seed"], n_startup_trials=max(2, given["trials"] // 3))
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=optuna.pruners.MedianPruner())
    study.optimize(objective, n_trials=given["trials"])
    print(json.dumps(taken))


def read(folder: Path) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(part) for part in sorted(folder.glob("part-*.parquet"))])


def train(given: dict[str, Any], tokenizer: Any, rows: Any, classes: int, report: Report) -> None:
    network = AutoModelForSequenceClassification.from_pretrained(
        given["weights"], num_labels=classes, trust_remote_code=False
    )
    if given["method"] == "linear_probe":
        network.base_model.requires_grad_(requires_grad=False)
    if given["method"] == "lora":
        from peft import LoraConfig, get_peft_model

        network = get_peft_model(
            network,
            LoraConfig(r=8, lora_alpha=16, target_modules=["query", "value"], modules_to_save=["classifier"]),
        )
    size = report.trial.suggest_categorical("batch_size", given["batches"])
    with tempfile.TemporaryDirectory() as folder:
        arguments = training_arguments(
            folder,
            given["epochs"],
            size,
            given["seed"],
            learning_rate=report.trial.suggest_float("learning_rate", *given["rates"], log=True),
            lr_scheduler_type="cosine",
            warmup_steps=0.1,
            weight_decay=0.01,
            bf16=True,
            train_sampling_strategy="group_by_length",
        )
        Trainer(
            network,
            arguments,
            data_collator=DataCollatorWithPadding(tokenizer),
            train_dataset=rows["train"],
            eval_dataset=rows["val"],
            compute_metrics=lambda seen: {"accuracy": float(np.mean(seen.predictions.argmax(1) == seen.label_ids))},
            callbacks=[report],
        ).train()


if __name__ == "__main__":
    main()
