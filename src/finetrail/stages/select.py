"""Stage `select`: compare the candidates on the validation rows and choose one."""

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from finetrail import tracking
from finetrail.errors import ConfigError, ModelError, WorkspaceError
from finetrail.evaluation.intervals import bootstrap
from finetrail.evaluation.metrics import Ints
from finetrail.evaluation.selection import Choice, Selection, Standing, choose
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
    y_pred: Ints
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
    results = sorted((_read(workspace, name) for name in dict.fromkeys(candidates)), key=lambda one: one.cost)
    first = results[0]
    for other in results[1:]:
        _same_rows(first, other)
    index = {label: k for k, label in enumerate(first.labels)}
    y_true = np.array([index[label] for label in first.actual], dtype=np.int64)
    resampled = bootstrap(
        y_true, [one.y_pred for one in results], len(index), resamples=settings.resamples, seed=settings.seed
    )
    leader = int(np.argmax(resampled.point[settings.metric]))
    standings = []
    for model, result in enumerate(results):
        own = resampled.interval(settings.metric, model, settings.confidence)
        behind = resampled.difference(settings.metric, leader, model, settings.confidence)
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
    return Selected(choice=choice, rows=len(y_true))


def _read(workspace: Workspace, candidate: str) -> _Result:
    import pyarrow.parquet as pq

    paths = workspace.run(candidate)
    metrics = read_json(need(paths.metrics, "train"))
    table = pq.read_table(need(paths.predictions, "train"), columns=["id", "label", "logits"])
    labels = tuple(metrics["labels"])
    rows = table.num_rows
    if not rows:
        raise WorkspaceError(f"{paths.predictions} has no rows, but a candidate is chosen by them: run `dvc repro`")
    logits = table["logits"].combine_chunks().flatten().to_numpy()
    if logits.size != rows * len(labels):
        raise WorkspaceError(
            f"{paths.predictions} has {logits.size} logits for {rows} rows and {len(labels)} labels, but there must be "
            "one a row and label: run `dvc repro`"
        )
    logits = logits.reshape(rows, len(labels))
    broken = int((~np.isfinite(logits)).any(axis=1).sum())
    if broken:
        raise ModelError(
            f"candidate {candidate!r} answers {broken} of {rows} validation rows with NaN or infinity, but every logit "
            "must be a finite number: lower its learning rate, train it in fp32, or remove it"
        )
    actual = tuple(table["label"].to_pylist())
    known = set(labels)
    strange = next((label for label in actual if label not in known), None)
    if strange is not None:
        raise WorkspaceError(
            f"{paths.predictions} holds the label {strange!r}, which is none of the {len(labels)} in {paths.metrics}: "
            "run `dvc repro`"
        )
    return _Result(
        candidate=candidate,
        labels=labels,
        ids=tuple(table["id"].to_pylist()),
        actual=actual,
        y_pred=logits.argmax(axis=1).astype(np.int64),
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
