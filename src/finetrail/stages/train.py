"""Stage `train`: fine-tune one candidate on the training split, and score it on the validation split."""

import shutil
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from finetrail import lineage, tracking
from finetrail.adaptation.methods import Adaptation
from finetrail.curve_log import CurveLog
from finetrail.curves import Point, write_curve
from finetrail.data.raw import Contents, read_frame
from finetrail.evaluation.metrics import cross_entropy, scores
from finetrail.models.classifier import count_parameters
from finetrail.models.inputs import Inputs, Watched
from finetrail.models.losses import LossOptions, class_weights
from finetrail.previews import Seen, write_seen
from finetrail.progress import Track, quiet
from finetrail.runs import RunRecord, final_metrics, write_record
from finetrail.settings import Settings
from finetrail.tasks.registry import get_entry, get_task
from finetrail.tasks.task import Built
from finetrail.training.device import build_accelerator, fix_seeds, peak_memory_mb
from finetrail.training.inference import compute_features, predict
from finetrail.training.loop import Examples, Fitted, fit
from finetrail.training.precision import choose_precision
from finetrail.training.settings import Training
from finetrail.workspace import RunPaths, Workspace, replacing, write_json

SHOWN = 8
"""Training examples that are kept as the model sees them, for the report."""
DRAWS = 3
"""How often each of them is shown where augmentation makes it another one each time."""


@dataclass(frozen=True)
class Trained:
    """What `train` did."""

    run_id: str
    metrics: dict[str, float]
    parameters: dict[str, int]
    epochs: int
    best_epoch: int
    measured: dict[str, float]


def train(
    workspace: Workspace,
    name: str,
    *,
    project: str,
    task_name: str,
    backbone: Settings,
    adaptation: Adaptation,
    settings: Training,
    seed: int,
    track: Track = quiet,
) -> Trained:
    """Write `data/models/<name>` and `data/runs/<name>`; open, fill and close the candidate's MLflow run.

    The run's id is written to run.json, for later stages and for clones that get the model out of DVC's cache.
    """
    task = get_task(task_name)
    column = get_entry(task_name).column
    splits = {split: read_frame(workspace.split(split)) for split in ("train", "val")}
    labels = sorted(splits["train"]["label"].unique())
    fix_seeds(seed)
    built = task.build(backbone, labels, workspace.root)
    model = built.model
    adaptation.apply(model)
    parameters = count_parameters(model)

    started = time.perf_counter()
    inputs: dict[str, Inputs] = {
        split: built.processor.encode(
            Watched(Contents(workspace.split(split), column), track, f"reading {split}"),
            augment=settings.augment if split == "train" else None,
            scratch=workspace.scratch,
        )
        for split in splits
    }
    batch = inputs["train"].batch(range(min(settings.batch_size, len(inputs["train"]))))
    accelerator = build_accelerator(choose_precision(settings.precision, model, batch))
    model.to(accelerator.device)
    targets = {split: _targets(rows, labels) for split, rows in splits.items()}
    options = LossOptions(
        label_smoothing=settings.label_smoothing,
        class_weights=class_weights(settings.class_weights, targets["train"], len(labels)),
        focal_gamma=settings.focal_gamma if settings.loss == "focal" else None,
    )
    params = _flatten(
        {
            "task": task_name,
            "seed": seed,
            "backbone": backbone.model_dump(),
            "adaptation": adaptation.model_dump(),
            "train": settings.model_dump(),
        }
    )
    datasets = [_dataset(split, workspace.split(split), len(splits[split])) for split in ("train", "val")]
    tags = {"finetrail.fingerprint": lineage.hash_of([name, params, datasets])}
    tracker = tracking.connect(workspace, project)
    run_id = tracker.start(name, params, tags | lineage.live_tags(workspace, f"train@{name}"), datasets)
    observer = CurveLog(tracker, run_id)
    scratch = workspace.scratch / "checkpoints" / tags["finetrail.fingerprint"][:16]
    try:
        used = inputs
        if adaptation.freezes_backbone and not inputs["train"].varies:
            with accelerator.autocast():
                used = {
                    split: compute_features(model, inputs[split], settings.batch_size * 2, track) for split in inputs
                }
        fitted = fit(
            model,
            Examples(used["train"], targets["train"]),
            Examples(used["val"], targets["val"]),
            settings,
            loss=task.loss(options),
            start_epoch=partial(adaptation.start_epoch, model),
            score=_score,
            accelerator=accelerator,
            seed=seed,
            checkpoint=scratch / "best.safetensors",
            observe=observer,
            track=track,
        )
        adaptation.merge(model)
        # Scored as it will be served: whole, merged, in full precision.
        logits = predict(model, inputs["val"], settings.batch_size * 2, track, "scoring")
        metrics = _score(logits, targets["val"])
        seconds = time.perf_counter() - started
        measured = {
            "seconds": round(seconds, 2),
            "samples_per_second": round(fitted.samples / seconds, 2),
            "peak_memory_mb": float(peak_memory_mb()),
        }
        described = {
            "val": metrics,
            "parameters": parameters,
            "epochs": fitted.epochs,
            "best_epoch": fitted.best_epoch,
            "labels": labels,
        }
        record = RunRecord(run_id, name, params, tags, datasets, measured)
        with replacing(workspace.model(name)) as model_folder, replacing(workspace.run(name).root) as run_folder:
            task.save(built, backbone, model_folder)
            _write_results(RunPaths(run_folder), fitted, described, splits["val"], logits)
            write_seen(_seen(built, inputs["train"], splits["train"], seed), RunPaths(run_folder).seen)
            write_record(record, RunPaths(run_folder).record)
    except BaseException:
        observer.close({}, "FAILED")
        raise
    observer.close(final_metrics(described, measured), "FINISHED")
    shutil.rmtree(scratch, ignore_errors=True)
    return Trained(run_id, metrics, parameters, fitted.epochs, fitted.best_epoch, measured)


def _score(logits: np.ndarray, targets: np.ndarray) -> Point:
    return {"loss": cross_entropy(logits, targets), **scores(targets, logits.argmax(axis=1), logits.shape[1])}


def _seen(built: Built, inputs: Inputs, rows: pd.DataFrame, seed: int) -> list[Seen]:
    """Some training examples as the model sees them, cut and augmented: the first of them, three times each."""
    first = list(range(min(SHOWN, len(inputs))))
    labels = rows["label"].tolist()
    draws = range(DRAWS if inputs.varies else 1)
    batches = [built.processor.show(inputs.batch(first, seed + draw)) for draw in draws]
    return [Seen(labels[row], batch[row]) for row in first for batch in batches]


def _targets(rows: pd.DataFrame, labels: list[str]) -> np.ndarray:
    """Class numbers (N,)."""
    numbers = {label: number for number, label in enumerate(labels)}
    return np.array([numbers[label] for label in rows["label"]], dtype=np.int64)


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as MLflow params: {"train.epochs": "3", ...}."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        flat |= _flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": str(value)}
    return flat


def _dataset(split: str, folder: Path, rows: int) -> dict[str, str]:
    digest = lineage.hash_folder(folder)
    context = {"train": "training", "val": "validation"}[split]
    # MLflow takes a digest of 36 characters at most.
    return {
        "name": split,
        "digest": digest[:36],
        "rows": str(rows),
        "context": context,
        "source": f"data/splits/{split}",
    }


def _write_results(
    paths: RunPaths, fitted: Fitted, described: dict[str, Any], rows: pd.DataFrame, logits: np.ndarray
) -> None:
    write_json(paths.metrics, described)
    write_curve(paths.train_curve, fitted.train_curve)
    write_curve(paths.val_curve, fitted.val_curve)
    predictions = pd.DataFrame({"id": rows["id"], "label": rows["label"], "logits": list(logits)})
    predictions.to_parquet(paths.predictions, index=False, compression="zstd")
