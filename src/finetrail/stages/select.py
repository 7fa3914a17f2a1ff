"""Stage `select`: compare the candidates on the validation rows and choose one."""

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from finetrail.errors import ConfigError, WorkspaceError
from finetrail.evaluation.scores.bootstrap import Draws, Resampled, bootstrap
from finetrail.evaluation.selection import Choice, Selection, Standing, choose
from finetrail.runs import tracking
from finetrail.serving.predictions import read_predictions
from finetrail.targets.codec import Codec, refuse_broken
from finetrail.targets.target import Target, metric_named
from finetrail.workspace import Workspace, need, read_json, replacing, write_json


@dataclass(frozen=True)
class Selected:
    """What `select` did: the choice, and the number of validation rows behind it."""

    choice: Choice
    rows: int


@dataclass(frozen=True)
class _Result:
    """The results of `train` for one candidate. Attributes: rows: id, label, and group if there are groups."""

    candidate: str
    codec: Codec
    rows: pd.DataFrame
    answers: Any
    trainable: int
    total: int

    @property
    def cost(self) -> tuple[int, int, str]:
        return (self.trainable, self.total, self.candidate)


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
    # Cheapest first: among equal values argmax then picks the cheapest as the leader.
    results = sorted((_read(workspace, name, target) for name in dict.fromkeys(candidates)), key=lambda one: one.cost)
    for other in results[1:]:
        _same_rows(results[0], other)
    metric = metric_named(target.metrics, settings.metric)
    resampled = _resampled(results, settings)
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
    choice = choose(standings, settings, metric)
    _write(workspace, choice)
    for folder in (workspace.runs, workspace.models):
        for stale in [path for path in folder.glob("*/") if path.name not in candidates]:
            shutil.rmtree(stale)
    return Selected(choice=choice, rows=len(results[0].rows))


def _resampled(results: Sequence[_Result], settings: Selection) -> Resampled:
    first = results[0]
    judge = first.codec.judge
    groups = first.rows["group"].tolist() if judge.by_group and "group" in first.rows else None
    draws = Draws(settings.resamples, settings.seed, settings.confidence)
    return bootstrap(judge, first.rows["label"].tolist(), [one.answers for one in results], draws, groups=groups)


def _read(workspace: Workspace, candidate: str, target: Target) -> _Result:
    paths = workspace.run(candidate)
    metrics = read_json(need(paths.metrics, "train"))
    frame = read_predictions(need(paths.predictions, "train"))
    if not len(frame):
        raise WorkspaceError(f"{paths.predictions} has no rows, but a candidate is chosen by them: run `dvc repro`")
    try:
        codec = target.codec(metrics["target"])
        answers = codec.read(frame)
    except (KeyError, ValueError) as error:
        raise WorkspaceError(
            f"{paths.predictions} does not belong to this task, or to the run of metrics.json ({error}): "
            "run `dvc repro`"
        ) from error
    remedy = "lower its learning rate, train it in fp32, or remove it"
    refuse_broken(codec, answers, f"candidate {candidate!r}", remedy)
    if unknown := codec.unknown(frame["label"].tolist()):
        raise WorkspaceError(f"{paths.predictions} holds {unknown} in {paths.metrics}: run `dvc repro`")
    return _Result(
        candidate=candidate,
        codec=codec,
        rows=frame[[name for name in ("id", "label", "group") if name in frame]],
        answers=answers,
        trainable=int(metrics["parameters"]["trainable"]),
        total=int(metrics["parameters"]["total"]),
    )


def _same_rows(one: _Result, other: _Result) -> None:
    """Refuse to compare candidates that did not answer the same questions: a paired difference would mean nothing."""
    names = f"candidates {one.candidate!r} and {other.candidate!r}"
    rule = "they are compared row by row: run `dvc repro`, so that both are trained on the same split"
    own, others = one.codec.outputs, other.codec.outputs
    if own != others:
        raise WorkspaceError(f"{names} have different labels ({len(own)} and {len(others)}), but {rule}")
    if len(one.rows) != len(other.rows):
        raise WorkspaceError(f"{names} have {len(one.rows)} and {len(other.rows)} validation rows, but {rule}")
    pairs = zip(_known(one), _known(other), strict=True)
    for row, (left, right) in enumerate(pairs, start=1):
        if left != right:
            rows = f"{left[0]!r} ({left[1]!r}) and {right[0]!r} ({right[1]!r})"
            raise WorkspaceError(f"validation row {row} of {names} is {rows}, but {rule}")


def _known(result: _Result) -> list[tuple[str, Any]]:
    return list(zip(result.rows["id"].tolist(), result.rows["label"].tolist(), strict=True))


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
