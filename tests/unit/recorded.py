"""A training run as `train` records it, and the ways of run and model into MLflow."""

from dataclasses import replace
from pathlib import Path

from finetrail.registry.packing import Packing
from finetrail.run_paths import RunPaths
from finetrail.runs.curves import write_curve
from finetrail.runs.record import RunRecord, write_record
from finetrail.runs.tracking import Tracker
from finetrail.tasks.registry import task_of
from finetrail.tasks.task import read_description
from finetrail.workspace import write_json

DATASETS = [
    {"name": "train", "digest": "d" * 36, "rows": "90", "context": "training", "source": "data/splits/train"},
    {"name": "val", "digest": "e" * 36, "rows": "10", "context": "validation", "source": "data/splits/val"},
]
RECORD = RunRecord(
    run_id="",
    name="full",
    params={"train.epochs": "2", "task": "text-classification"},
    tags={"finetrail.fingerprint": "abc"},
    datasets=DATASETS,
    measured={"seconds": 3.5, "samples_per_second": 51.4},
    machine={"processor": "abacus", "threads": "2", "precision": "fp32", "torch": "2.15.0"},
)
TRAIN = [{"step": 5, "epoch": 0.5, "loss": 0.9}, {"step": 10, "epoch": 1.0, "loss": 0.7}]
VAL = [{"epoch": 1, "step": 10, "loss": 0.8, "macro_f1": 0.75}]
METRICS = {"val": {"macro_f1": 0.75}, "parameters": {"trainable": 34, "total": 5698}, "epochs": 1, "best_epoch": 1}


def start(tracker: Tracker) -> str:
    return tracker.start(RECORD.name, RECORD.params, RECORD.tags, RECORD.datasets)


def history(tracker: Tracker, run_id: str, name: str) -> list[tuple[int, float]]:
    return [(one.step, one.value) for one in tracker.client.get_metric_history(run_id, name)]


def files_of(folder: Path, run_id: str, name: str = "full") -> RunPaths:
    """What `train` leaves about a candidate, below the folder `data` of a workspace."""
    paths = RunPaths(folder / "runs" / name)
    write_record(replace(RECORD, run_id=run_id, name=name), paths.record)
    write_json(paths.details, METRICS)
    write_curve(paths.train_curve, TRAIN)
    write_curve(paths.val_curve, VAL)
    return paths


def packing_of(model: Path) -> Packing:
    """What `register` says of a saved model."""
    described = read_description(model)
    task = task_of(described)
    example = dict.fromkeys(described["columns"], task.example)
    kinds = task.target.codec(described["target"]).kinds
    return Packing(example, kinds, task.content.requirements, task.content.sent)
