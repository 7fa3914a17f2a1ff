"""What one training run leaves for MLflow: run.json, and how its numbers are called there."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetrail.settings import Settings
from finetrail.workspace import write_json


@dataclass(frozen=True)
class RunRecord:
    """run.json: the identity of the MLflow run that trained a candidate, and all that is needed to rebuild it.

    Attributes:
        params: every setting that the training used, by dotted name.
        tags: hashes of what went in.
        datasets: name, digest, number of rows and context (`training`, `validation`) of each data set.
        measured: seconds, samples a second and peak memory of that very run.
        machine: what that very run computed on, as far as its bits may depend on it: processor or GPU, threads,
            precision, build of PyTorch.
    """

    run_id: str
    name: str
    params: dict[str, str]
    tags: dict[str, str]
    datasets: list[dict[str, str]]
    measured: dict[str, float]
    machine: dict[str, str]


def settings_of(
    task: Mapping[str, str], seed: int, backbone: Settings, adaptation: Settings, train: Settings
) -> dict[str, str]:
    """What a training was told, by dotted name."""
    sections = {"backbone": backbone, "adaptation": adaptation, "train": train}
    dumped = {name: section.model_dump() for name, section in sections.items()}
    return flatten({**task, "seed": seed, **dumped})


def write_record(record: RunRecord, path: Path) -> None:
    """Write run.json."""
    write_json(path, asdict(record))


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as MLflow params: {"train.epochs": "3", ...}."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": str(value)}
    return flat


def curve_metrics(curve: str, point: dict[str, float]) -> dict[str, float]:
    """A point of a curve as MLflow metrics: `train/loss`, `val/macro_f1`, ..."""
    return {f"{curve}/{name}": value for name, value in point.items() if name not in ("step", "epoch")}


def final_metrics(metrics: dict[str, Any], measured: dict[str, float]) -> dict[str, float]:
    """The numbers that candidates are compared by: the kept checkpoint's scores, its size and what it cost."""
    scores = {f"best_val_{name}": value for name, value in metrics["val"].items()}
    sizes = {f"{name}_parameters": value for name, value in metrics["parameters"].items()}
    return scores | sizes | measured
