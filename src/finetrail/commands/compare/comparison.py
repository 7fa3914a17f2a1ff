"""Read what the pipeline left of all candidates, and set it side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetrail.commands.assessed import findings, of_each_candidate
from finetrail.commands.compare.costs import COSTS, LATENCY, SLOWEST, Cost
from finetrail.commands.compare.disagreement import disagreement
from finetrail.commands.compare.latency import Tell, latencies, spread
from finetrail.commands.compare.pareto import front
from finetrail.data.store.shards import Contents
from finetrail.errors import ConfigError
from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Choice, Selection
from finetrail.gate.costs import size_mb
from finetrail.progress import Track, quiet
from finetrail.runs.curves import read_curve
from finetrail.serving.predictions import read_predictions
from finetrail.targets.results import Result, cheapest_first, refuse_other_rows, resampled, result_of
from finetrail.targets.target import Target, metric_named
from finetrail.tasks.task import DESCRIPTION, WEIGHTS, Task
from finetrail.workspace import Workspace, need, read_json


@dataclass(frozen=True)
class Compared:
    """One candidate.

    Attributes:
        value: of the metric on the validation rows.
        difference: to the value of the chosen candidate, row by row; 0 for that one.
        costs: by name, see `finetrail.commands.compare.costs`.
        differs: the share of validation rows that it answers differently from each candidate, by name.
        learned: epoch and validation metric at each evaluation; empty where training does not follow the metric.
    """

    candidate: str
    value: Interval
    difference: Interval
    total_parameters: int
    costs: Mapping[str, float]
    differs: Mapping[str, float]
    learned: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Comparison:
    """All candidates of a workspace, best first.

    Attributes:
        rows: of the validation split.
        fronts: the candidates on the Pareto front of quality and each cost, best first, by the name of the cost.
        differing: what a different answer is, in a few words.
        timed_rows: that the time per row was measured on; 0 where it was not.
        assessed: what the assessments found of the chosen candidate, by their names.
        of_each: what they found of each candidate, by its name, by the titles of columns.
    """

    project: str
    task: str
    metric: Metric
    chosen: str
    rows: int
    settings: Selection
    candidates: tuple[Compared, ...]
    fronts: Mapping[str, tuple[str, ...]]
    differing: str
    timed_rows: int
    assessed: Mapping[str, str]
    of_each: Mapping[str, Mapping[str, str]]

    @property
    def costs(self) -> tuple[Cost, ...]:
        """Those that have a Pareto front."""
        return (*COSTS, LATENCY) if self.timed_rows else COSTS

    @property
    def columns(self) -> tuple[Cost, ...]:
        """Those that a table shows."""
        return (*self.costs, SLOWEST) if self.timed_rows else COSTS

    def as_json(self) -> dict[str, Any]:
        """The content of compare.json."""
        return asdict(self) | {"settings": self.settings.model_dump()}


@dataclass(frozen=True)
class Timing:
    """How to measure the time per row. Attributes: rows: of the validation split; tell: hears how long it takes."""

    rows: int
    tell: Tell
    track: Track = quiet


def compare(
    workspace: Workspace,
    *,
    project: str,
    task: Task,
    settings: Selection,
    metric: str | None = None,
    timing: Timing | None = None,
) -> Comparison:
    """Set the candidates of the last selection side by side.

    Args:
        metric: to compare by; None: by the one that `select` went by.
        timing: None: load no model.

    Raises:
        ModelError: a prediction is NaN or infinite, or a model cannot be loaded.
        WorkspaceError: a file of a stage is missing, or the candidates were not trained on the same split.
        ConfigError: the task has no such metric.
    """
    choice = Choice.from_json(read_json(need(workspace.selection_report, "select")))
    by = metric_named(task.target.metrics, choice.metric) if metric is None else _metric(task, metric)
    names = [one.candidate for one in choice.ranking]
    results = [_read(workspace, name, task.target) for name in names]
    refuse_other_rows(results)
    costs = {name: _costs(workspace, name, result) for name, result in zip(names, results, strict=True)}
    contents = spread(Contents(workspace.split("val"), task.content.name), timing.rows) if timing else []
    if timing:
        costs = _timed(workspace, costs, contents, timing)
    settings = settings.model_copy(update={"metric": by.name})  # what was chosen by, if params.yaml moved on
    curves = {name: _curve(workspace, name, by) for name in names}
    candidates = _compared(results, costs, curves, choice.chosen, settings)
    goodness = [by.goodness(one.value.value) for one in candidates]
    kinds = (*COSTS, LATENCY) if timing else COSTS
    fronts = {kind.name: front([one.costs[kind.name] for one in candidates], goodness) for kind in kinds}
    return Comparison(
        project=project,
        task=task.name,
        metric=by,
        chosen=choice.chosen,
        rows=len(results[0].rows),
        settings=settings,
        candidates=candidates,
        fronts={
            kind: tuple(name for name, on in zip(names, members, strict=True) if on) for kind, members in fronts.items()
        },
        differing=results[0].codec.differing,
        timed_rows=len(contents),
        assessed=findings(workspace),
        of_each=of_each_candidate(workspace, choice.chosen, by),
    )


def _metric(task: Task, name: str) -> Metric:
    known = {metric.name: metric for metric in task.target.metrics}
    if name not in known:
        raise ConfigError(f"{name!r} is no metric of {task.name}; use one of {', '.join(known)}")
    return known[name]


def _read(workspace: Workspace, name: str, target: Target) -> Result:
    paths = workspace.run(name)
    metrics = read_json(need(paths.details, "train"))
    return result_of(paths, target, metrics, read_predictions(need(paths.predictions, "train")))


def _curve(workspace: Workspace, name: str, metric: Metric) -> tuple[tuple[float, float], ...]:
    points = read_curve(need(workspace.run(name).val_curve, "train"))
    return tuple((point["epoch"], point[metric.name]) for point in points if metric.name in point)


def _costs(workspace: Workspace, name: str, result: Result) -> dict[str, float]:
    measured = read_json(need(workspace.run(name).record, "train"))["measured"]
    return {
        "trainable_parameters": result.trainable,
        "seconds": measured["seconds"],
        "peak_memory_mb": measured["peak_memory_mb"],
        "disk_mb": size_mb(_whole(workspace.model(name))),
    }


def _whole(model: Path) -> Path:
    """A model's folder. Raises: WorkspaceError: it, or its description or weights, are not there."""
    for file in (DESCRIPTION, WEIGHTS):
        need(model / file, "train")
    return model


def _timed(
    workspace: Workspace, costs: Mapping[str, dict[str, float]], contents: list[Any], timing: Timing
) -> dict[str, dict[str, float]]:
    taken = latencies({name: workspace.model(name) for name in costs}, contents, timing.tell, timing.track)
    return {
        name: of_one | {LATENCY.name: taken[name][0], SLOWEST.name: taken[name][1]} for name, of_one in costs.items()
    }


def _compared(
    results: Sequence[Result],
    costs: Mapping[str, Mapping[str, float]],
    curves: Mapping[str, tuple[tuple[float, float], ...]],
    chosen: str,
    settings: Selection,
) -> tuple[Compared, ...]:
    names = [one.candidate for one in results]
    scored = cheapest_first(results)  # as `select` does, whose intervals these are
    found = resampled(scored, settings)
    place = {one.candidate: model for model, one in enumerate(scored)}
    shares = disagreement(results)
    return tuple(
        Compared(
            candidate=result.candidate,
            value=found.interval(settings.metric, place[result.candidate], settings.confidence),
            difference=found.difference(settings.metric, place[result.candidate], place[chosen], settings.confidence),
            total_parameters=result.total,
            costs=costs[result.candidate],
            differs=dict(zip(names, shares[model], strict=True)),
            learned=curves[result.candidate],
        )
        for model, result in enumerate(results)
    )
