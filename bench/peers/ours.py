"""Our side: what the stage `train` does, its last scoring in full precision included; without MLflow and DVC."""

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from finetrail.models.backbone_settings import ImageBackbone, TextBackbone
from finetrail.targets.losses import LossOptions

from finetrail.adaptation.full import Full
from finetrail.adaptation.linear_probe import LinearProbe
from finetrail.adaptation.lora import Lora
from finetrail.adaptation.methods import Adaptation
from finetrail.contents.image.augment.settings import Augment
from finetrail.inference.device import build_accelerator, fix_seeds
from finetrail.inference.feeding import Examples
from finetrail.inference.predict import predict
from finetrail.models.inputs import Inputs
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built, Task
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.frozen import computed_once
from finetrail.training.loop import fit
from finetrail.training.precision import choose_precision
from finetrail.training.settings import Training
from peers.datasets import read_rows
from peers.setup import LORA, PADDING, SPLITS, Clock, Setup

IMPORTED = ("accelerate",)
"""What the engine imports where it is used: no side's imports count."""


def main() -> None:
    setup = Setup.read()
    fix_seeds(setup.seed)
    task = get_task(setup.task)
    backbone = TextBackbone(**setup.backbone) if setup.text else ImageBackbone(**setup.backbone)
    built = task.build(backbone, [str(number) for number in range(setup.classes)], Path())
    built.model.load_state_dict(setup.start)
    adaptation = build_adaptation(setup.method)
    adaptation.apply(built.model)
    read = read_rows(setup) if setup.text else {}
    for name in IMPORTED:
        import_module(name)
    clock = Clock()
    with tempfile.TemporaryDirectory() as scratch:
        values, targets = contents(setup, read)
        inputs = {
            split: built.processor.encode(
                values[split], augment=settings_of(setup).augment if split == "train" else None, scratch=Path(scratch)
            )
            for split in SPLITS
        }
        fine_tune(
            setup,
            task=task,
            built=built,
            adaptation=adaptation,
            inputs=inputs,
            targets=targets,
            clock=clock,
            scratch=Path(scratch),
        )
    clock.stop()


def fine_tune(
    setup: Setup,
    *,
    task: Task,
    built: Built,
    adaptation: Adaptation,
    inputs: dict[str, Inputs],
    targets: dict[str, np.ndarray],
    clock: Clock,
    scratch: Path,
) -> None:
    """All calls of the engine, in the order of the stage `train`."""
    model, settings = built.model, settings_of(setup)
    batch = inputs["train"].batch(range(min(settings.batch_size, len(inputs["train"]))))
    precision = choose_precision(settings.precision, model, batch)
    accelerator = build_accelerator(precision)
    model.to(accelerator.device)

    def score(logits: np.ndarray, numbers: np.ndarray) -> dict[str, float]:
        accuracy = float((logits.argmax(axis=1) == numbers).mean())
        clock.evaluated(accuracy)
        return {"accuracy": accuracy}

    with computed_once(model, inputs, settings, precision, scratch=scratch) as used:
        examples = {split: Examples(used[split], targets[split], [""] * len(targets[split])) for split in SPLITS}
        fit(
            model,
            examples["train"],
            examples["val"],
            settings,
            loss=task.loss(LossOptions()),
            score=score,
            accelerator=accelerator,
            precision=precision,
            seed=setup.seed,
            checkpoints=Checkpoints(scratch),
            observe=lambda curve, step, point: None,
        )
    adaptation.merge(model)
    predict(model, inputs["val"], settings.batch_size)


def contents(setup: Setup, rows: dict[str, dict[str, list[Any]]]) -> tuple[dict[str, list[Any]], dict[str, np.ndarray]]:
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


def settings_of(setup: Setup) -> Training:
    varied = not setup.text and setup.method != "linear_probe"
    return Training(
        epochs=setup.epochs,
        batch_size=setup.batch_size,
        optimizer=setup.optimizer,
        learning_rate=setup.rate,
        schedule="cosine",
        warmup=setup.warmup,
        weight_decay=setup.weight_decay,
        clip=setup.clip,
        metric="accuracy",
        augment=Augment(crop="padded", padding=PADDING, flip=True) if varied else Augment(),
    )


if __name__ == "__main__":
    main()
