"""Stage `select`: compare the candidates on the validation rows and choose one."""

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.errors import ConfigError, WorkspaceError
from finetrail.evaluation.selection import Choice, Selection, Standing, choose
from finetrail.runs import tracking
from finetrail.targets.comparing import Comparing, comparing_by
from finetrail.targets.problem import METRICS
from finetrail.workspace import Workspace, need, read_json, replacing, write_json


@dataclass(frozen=True)
class Selected:
    """What `select` did: the choice, and on how many validation rows it rests."""

    choice: Choice
    rows: int


@dataclass(frozen=True)
class _Result:
    """What `train` left about one candidate."""

    candidate: str
    labels: tuple[str, ...]
    ids: tuple[str, ...]
    actual: tuple[str, ...]
    y_pred: NDArray[Any]
    trainable: int
    total: int

    @property
    def cost(self) -> tuple[int, int, str]:
        return (self.trainable, self.total, self.candidate)


def select(workspace: Workspace, settings: Selection, candidates: Sequence[str]) -> Selected:
    """Write `data/selection`: reads the validation predictions and parameter counts in `data/runs/<candidate>`.

    Goes by the names given, in any order. What a candidate that was removed from params.yaml left behind is deleted:
    DVC leaves it, and it would count in the hash of the folder above, which a clone could then never reach.

    Raises:
        ConfigError: no candidate is given.
        WorkspaceError: a candidate has no results, or they are of other validation rows.
        ModelError: a prediction is NaN or infinite.
    """
    if not candidates:
        raise ConfigError("`candidates` is empty, but there must be at least one to select: add one to params.yaml")
    # Cheapest first: of equal values argmax then takes the cheapest as the leader.
    comparing, metric = comparing_by(settings.metric), METRICS[settings.metric]
    results = sorted(
        (_read(workspace, name, comparing) for name in dict.fromkeys(candidates)), key=lambda one: one.cost
    )
    first = results[0]
    for other in results[1:]:
        _same_rows(first, other)
    resampled = comparing.resampled(first.actual, first.labels, [one.y_pred for one in results], settings)
    leader = int(np.argmax([metric.goodness(value) for value in resampled.point[metric.name]]))
    standings = []
    for model, result in enumerate(results):
        own = resampled.interval(settings.metric, model, settings.confidence)
        more, less = (model, leader) if metric.lower else (leader, model)  # the larger value stands first
        behind = resampled.difference(settings.metric, more, less, settings.confidence)
        standings.append(
            Standing(
                candidate=result.candidate,
                value=own.value,
                low=own.low,
                high=own.high,
                difference=behind.value,
                difference_low=behind.low,
                difference_high=behind.high,
                trainable_parameters=result.trainable,
                total_parameters=result.total,
            )
        )
    choice = choose(standings, settings)
    _write(workspace, choice)
    for folder in (workspace.runs, workspace.models):
        for stale in [path for path in folder.glob("*/") if path.name not in candidates]:
            shutil.rmtree(stale)
    return Selected(choice=choice, rows=len(first.ids))


def _read(workspace: Workspace, candidate: str, comparing: Comparing) -> _Result:
    import pyarrow.parquet as pq

    paths = workspace.run(candidate)
    metrics = read_json(need(paths.metrics, "train"))
    if comparing.column not in pq.read_schema(need(paths.predictions, "train")).names:
        raise WorkspaceError(
            f"{paths.predictions} has no column {comparing.column!r}, so it is of another task: run `dvc repro`"
        )
    table = pq.read_table(paths.predictions, columns=["id", "label", comparing.column])
    labels = comparing.labels(metrics)
    if not table.num_rows:
        raise WorkspaceError(f"{paths.predictions} has no rows, but a candidate is chosen by them: run `dvc repro`")
    return _Result(
        candidate=candidate,
        labels=labels,
        ids=tuple(table["id"].to_pylist()),
        actual=tuple(table["label"].to_pylist()),
        y_pred=comparing.predicted(table, labels, paths),
        trainable=int(metrics["parameters"]["trainable"]),
        total=int(metrics["parameters"]["total"]),
    )


def _same_rows(one: _Result, other: _Result) -> None:
    """Refuse to compare candidates that did not answer the same questions: a paired difference would mean nothing."""
    names = f"candidates {one.candidate!r} and {other.candidate!r}"
    rule = "they are compared row by row: run `dvc repro`, so that both are trained on the same split"
    if one.labels != other.labels:
        raise WorkspaceError(f"{names} have different labels ({len(one.labels)} and {len(other.labels)}), but {rule}")
    if len(one.ids) != len(other.ids):
        raise WorkspaceError(f"{names} have {len(one.ids)} and {len(other.ids)} validation rows, but {rule}")
    pairs = zip(zip(one.ids, one.actual, strict=True), zip(other.ids, other.actual, strict=True), strict=True)
    for row, (left, right) in enumerate(pairs, start=1):
        if left != right:
            rows = f"{left[0]!r} ({left[1]!r}) and {right[0]!r} ({right[1]!r})"
            raise WorkspaceError(f"validation row {row} of {names} is {rows}, but {rule}")


def _write(workspace: Workspace, choice: Choice) -> None:
    ranking = [one.as_json() for one in choice.ranking]
    with replacing(workspace.selection) as folder:
        write_json(folder / workspace.selection_report.name, choice.as_json())
        with (folder / "ranking.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(ranking[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(ranking)


def publish(workspace: Workspace, project: str, choice: Choice) -> None:
    """Tell MLflow which run was chosen and why, on every candidate's run, so that its UI answers the question."""
    tracker = tracking.connect(workspace, project)
    tracker.describe(choice.reason)
    for rank, standing in enumerate(choice.ranking, start=1):
        run_id = tracker.resume(workspace.run(standing.candidate))
        chosen = standing.candidate == choice.chosen
        tags = {
            "finetrail.rank": str(rank),
            "finetrail.chosen": "yes" if chosen else "no",
            "mlflow.note.content": choice.reason,
        }
        tracker.tag(run_id, tags)
