"""The record of a training run for MLflow: run.json, and the names of its numbers in MLflow."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetrail.evaluation.scores.metric import setting
from finetrail.training.candidate import Candidate
from finetrail.workspace import write_json

RUN_FINGERPRINT = "finetrail.fingerprint"
"""The tag of a run with the hash of its settings and its data."""


@dataclass(frozen=True)
class RunRecord:
    """run.json: the identity of the MLflow run that trained a candidate, and all needed to rebuild it.

    Attributes:
        params: every setting that the training used, by dotted name.
        tags: hashes of the inputs.
        datasets: name, digest, number of rows and context (`training`, `validation`) of each data set.
        measured: seconds, samples per second and memory of the original run.
        machine: what the bits of the original run may depend on: processor or GPU, threads, precision, build of
            PyTorch.
    """

    run_id: str
    name: str
    params: dict[str, str]
    tags: dict[str, str]
    datasets: list[dict[str, str]]
    measured: dict[str, float]
    machine: dict[str, str]


def settings_of(task: Mapping[str, str], seed: int, candidate: Candidate) -> dict[str, str]:
    """The settings of a training, by dotted name. Args: candidate: with nothing open."""
    dumped = {name: getattr(candidate, name).model_dump() for name in ("backbone", "adaptation", "train")}
    for name in ("auxiliary", "distillation"):
        if (asked := getattr(candidate, name)) is not None:
            dumped[name] = asked.model_dump()
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


def run_name(candidate: str, params: Mapping[str, str], tags: Mapping[str, str]) -> str:
    """What MLflow calls a run, such as `lora · lr 1e-3 · a1b2c3`: the last part differs with settings and data."""
    rate = params.get("train.learning_rate")
    parts = [candidate, rate and f"lr {setting(float(rate))}", tags.get(RUN_FINGERPRINT, "")[:6]]
    return " · ".join(part for part in parts if part)


def curve_metrics(curve: str, point: dict[str, float]) -> dict[str, float]:
    """A point of a curve as MLflow metrics: `train/loss`, `val/macro_f1`, ..."""
    return {f"{curve}/{name}": value for name, value in point.items() if name not in ("step", "epoch")}


def final_metrics(metrics: dict[str, Any], measured: dict[str, float]) -> dict[str, float]:
    """The numbers for comparing candidates: scores, size and cost of the kept checkpoint."""
    scores = {f"val_{name}": value for name, value in metrics["val"].items()}
    sizes = {f"{name}_parameters": value for name, value in metrics["parameters"].items()}
    return scores | sizes | measured
