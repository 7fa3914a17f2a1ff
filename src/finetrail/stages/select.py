"""Stage `select`: compare the candidates on the validation rows and choose one."""

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetrail.errors import ConfigError
from finetrail.evaluation.selection import Choice, Selection, Standing, choose
from finetrail.runs import tracking
from finetrail.serving.predictions import read_predictions
from finetrail.targets.results import Result, cheapest_first, refuse_other_rows, resampled, result_of
from finetrail.targets.target import Target, metric_named
from finetrail.workspace import Workspace, need, read_json, replacing, write_json


@dataclass(frozen=True)
class Selected:
    """What `select` did: the choice, and the number of validation rows behind it."""

    choice: Choice
    rows: int


def select(workspace: Workspace, target: Target, settings: Selection, candidates: Sequence[str]) -> Selected:
    """Write `data/selection`: reads the validation predictions and parameter counts in `data/runs/<candidate>`.

    The order of the names does not matter. Deletes the files of candidates removed from params.yaml: DVC leaves them,
    and they would count in the hash of the parent folder, which a clone could then never reproduce.

    Raises:
        ConfigError: no candidate is given.
        WorkspaceError: a candidate has no results, or results for other validation rows.
        ModelError: a prediction is NaN or infinite.
    """
    if not candidates:
        raise ConfigError("`candidates` is empty, but there must be at least one to select: add one to params.yaml")
    # Among equal values argmax picks the first as the leader.
    results = cheapest_first(_read(workspace, name, target) for name in dict.fromkeys(candidates))
    refuse_other_rows(results)
    metric = metric_named(target.metrics, settings.metric)
    found = resampled(results, settings)
    leader = int(np.argmax([metric.goodness(value) for value in found.point[metric.name]]))
    standings = []
    for model, result in enumerate(results):
        own = found.interval(settings.metric, model, settings.confidence)
        more, less = (model, leader) if metric.lower else (leader, model)  # the larger value stands first
        behind = found.difference(settings.metric, more, less, settings.confidence)
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
    choice = choose(standings, settings, metric)
    _write(workspace, choice)
    for folder in (workspace.runs, workspace.models):
        for stale in [path for path in folder.glob("*/") if path.name not in candidates]:
            shutil.rmtree(stale)
    return Selected(choice=choice, rows=len(results[0].rows))


def _read(workspace: Workspace, candidate: str, target: Target) -> Result:
    paths = workspace.run(candidate)
    metrics = read_json(need(paths.metrics, "train"))
    return result_of(paths, target, metrics, read_predictions(need(paths.predictions, "train")))


def _write(workspace: Workspace, choice: Choice) -> None:
    ranking = [one.as_json() for one in choice.ranking]
    with replacing(workspace.selection) as folder:
        write_json(folder / workspace.selection_report.name, choice.as_json())
        with (folder / "ranking.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(ranking[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(ranking)


def publish(workspace: Workspace, project: str, choice: Choice) -> None:
    """Record the choice and the reason on every candidate's MLflow run, so that the UI shows them."""
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
