"""Our side: the stage `train` with its last scoring in full precision, without MLflow and DVC."""

import tempfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from finetrail.adaptation.full import Full
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.adaptation.methods import Adaptation
from finetrail.contents.image.augment.settings import Augment
from finetrail.inference.device import Machine, build_accelerator, fix_seeds
from finetrail.inference.feeding import Examples
from finetrail.inference.predict import predict
from finetrail.models.inputs import Inputs
from finetrail.targets.target import metric_named
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.frozen import computed_once
from finetrail.training.loop import fit
from finetrail.training.precision import choose_precision
from finetrail.training.steps import Objective, Records
from peers.datasets import read_rows
from peers.params import learn_numbers, names_of, section
from peers.setup import LORA, PADDING, SPLITS, Clock, Setup

IMPORTED = ("accelerate",)
"""Packages that the engine imports lazily: no side's imports count."""
Numbers = dict[str, np.ndarray]
"""Class numbers (N,) by split."""


def main() -> None:
    setup = Setup.read()
    fix_seeds(setup.seed)
    task = get_task(setup.task)
    backbone, settings = section(task, "backbone", setup.backbone), settings_of(setup)
    learning = learn_numbers(task, setup.classes)
    built = task.build(backbone, learning, Path(), (task.content.name,))
    built.model.load_state_dict(setup.start)
    adaptation = build_adaptation(setup.method)
    adaptation.apply(built.model)
    read = read_rows(setup) if setup.text else {}
    for name in IMPORTED:
        import_module(name)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        values, numbers = contents(setup, read)
        inputs = {}
        for split in SPLITS:
            augment = settings.augment if split == "train" else None
            encoded = built.processor.encode(values[split], augment=augment, scratch=scratch)
            inputs[split] = encoded.labelled(learning.encode(names_of(numbers[split]), encoded))
        labels = {split: names_of(numbers[split]) for split in SPLITS}
        score = partial(accuracy_of, numbers["val"], clock)
        fine_tune(setup, settings, built, adaptation, inputs=inputs, labels=labels, score=score, scratch=scratch)
    clock.stop()


def accuracy_of(numbers: np.ndarray, clock: Clock, logits: Any) -> dict[str, float]:
    accuracy = float((logits.argmax(axis=1) == numbers).mean())
    clock.evaluated(accuracy)
    return {"accuracy": accuracy}


def fine_tune(
    setup: Setup,
    settings: Any,
    built: Built,
    adaptation: Adaptation,
    *,
    inputs: dict[str, Inputs],
    labels: dict[str, list[Any]],
    score: Callable[[Any], dict[str, float]],
    scratch: Path,
) -> None:
    """Call the engine in the order of the stage `train`. Args: settings: section `train`; score: of an evaluation."""
    model, learning = built.model, built.learning
    batch = inputs["train"].batch(range(min(settings.batch_size, len(inputs["train"]))))
    precision = choose_precision(settings.precision, model, batch)
    machine = Machine(build_accelerator(precision), precision)
    model.to(machine.accelerator.device)

    with computed_once(model, inputs, settings, precision, scratch=scratch) as used:
        fit(
            model,
            {split: Examples(used[split], [""] * len(labels[split])) for split in SPLITS},
            settings,
            objective=Objective(
                learning.loss(settings, labels["train"]),
                learning.keep,
                score=score,
                metric=metric_named(built.task.target.metrics, settings.metric),
            ),
            machine=machine,
            records=Records(Checkpoints(scratch), observe=lambda curve, step, point: None),
            seed=setup.seed,
        )
    adaptation.merge(model)
    learning.finish(model)
    predict(model, inputs["val"], learning.keep, settings.batch_size)


def contents(setup: Setup, rows: dict[str, dict[str, list[Any]]]) -> tuple[dict[str, list[Any]], Numbers]:
    """Texts, or images as bytes, and class numbers of both splits."""
    if setup.text:
        values = {split: rows[split]["texts"] for split in SPLITS}
        return values, {split: np.array(rows[split]["labels"], dtype=np.int64) for split in SPLITS}
    files = {split: sorted((Path(setup.folder) / split).glob("*/*")) for split in SPLITS}
    names = sorted({path.parent.name for path in files["train"]})
    numbers = {split: [names.index(path.parent.name) for path in files[split]] for split in SPLITS}
    return (
        {split: [path.read_bytes() for path in files[split]] for split in SPLITS},
        {split: np.array(numbers[split], dtype=np.int64) for split in SPLITS},
    )


def build_adaptation(method: str) -> Adaptation:
    if method == "lora":
        named = {"r": LORA["r"], "alpha": LORA["lora_alpha"], "target_modules": LORA["target_modules"]}
        return Lora.model_validate({"method": "lora", **named})
    return Full(method="full") if method == "full" else LinearProbe(method="linear_probe")


def settings_of(setup: Setup) -> Any:
    """Section `train` of params.yaml."""
    settings: dict[str, Any] = {
        "epochs": setup.epochs,
        "batch_size": setup.batch_size,
        "optimizer": setup.optimizer,
        "learning_rate": setup.rate,
        "schedule": "cosine",
        "warmup": setup.warmup,
        "weight_decay": setup.weight_decay,
        "clip": setup.clip,
        "metric": "accuracy",
    }
    if not setup.text and setup.method != "linear_probe":
        settings["augment"] = Augment(crop="padded", padding=PADDING, flip=True)
    return section(get_task(setup.task), "train", settings)


if __name__ == "__main__":
    main()
