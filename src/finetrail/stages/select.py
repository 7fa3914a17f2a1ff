"""Stage `select`: compare the candidates on the validation rows and choose one."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finetrail.errors import ConfigError
from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Choice, Selection
from finetrail.progress import Track, quiet
from finetrail.runs import tracking
from finetrail.runs.study import Study, read_study
from finetrail.serving.results import read_result
from finetrail.studies.page import page
from finetrail.studies.words import found_by
from finetrail.targets.choosing import choice_among
from finetrail.targets.results import Result
from finetrail.targets.target import Target, metric_named
from finetrail.workspace import Workspace, need, replacing, write_json


@dataclass(frozen=True)
class Selected:
    """What `select` did: the choice, and the number of validation rows behind it."""

    choice: Choice
    rows: int


def select(
    workspace: Workspace, target: Target, settings: Selection, candidates: Sequence[str], track: Track = quiet
) -> Selected:
    """Write `data/selection`: reads the validation predictions and parameter counts in `data/runs/<candidate>`.

    Only a validator needs more: it asks each model about rows without labels.

    Beside the choice stands a page for each candidate whose settings were searched.

    The order of the names does not matter. Deletes the files of candidates removed from params.yaml: DVC leaves them,
    and they would count in the hash of the parent folder, which a clone could then never reproduce.

    Raises:
        ConfigError: no candidate is given.
        WorkspaceError: a candidate has no results, or results for other validation rows; or a validator lacks rows.
        ModelError: a prediction is NaN or infinite.
    """
    if not candidates:
        raise ConfigError("`candidates` is empty, but there must be at least one to select: add one to params.yaml")
    results = [read_result(workspace.run(name), target) for name in dict.fromkeys(candidates)]
    material = _material(workspace, results, settings, track) if settings.validator else None
    choice = choice_among(results, settings, metric_named(target.metrics, settings.metric), material)
    studies = {name: study for name in candidates if (study := read_study(workspace.run(name).study_record))}
    searches = {name: (study, metric_named(target.metrics, study.metric)) for name, study in studies.items()}
    if choice.chosen in searches:
        choice = choice.adding(found_by(choice.chosen, *searches[choice.chosen]))
    _write(workspace, choice, searches)
    for folder in (workspace.runs, workspace.models):
        for stale in [path for path in folder.glob("*/") if path.name not in candidates]:
            shutil.rmtree(stale)
    return Selected(choice=choice, rows=len(results[0].rows))


def _material(workspace: Workspace, results: Sequence[Result], settings: Selection, track: Track) -> dict[str, Floats]:
    """What the validator judges each candidate by."""
    from finetrail.stages.validated import Sides
    from finetrail.tasks.registry import load_model

    validator = settings.validator
    if validator is None:
        return {}
    sides = Sides(
        need(workspace.split("val"), "split"),
        results[0].rows["label"].tolist(),
        need(workspace.unlabelled(validator.rows), "unlabelled"),
        workspace.scratch,
        settings.seed,
    )
    models = {one.candidate: need(workspace.model(one.candidate), "train") for one in results}
    return {name: sides.material(validator, load_model(folder), track) for name, folder in models.items()}


def _write(workspace: Workspace, choice: Choice, searches: Mapping[str, tuple[Study, Metric]]) -> None:
    ranking = [one.as_json() for one in choice.ranking]
    with replacing(workspace.selection) as folder:
        write_json(folder / workspace.selection_report.name, choice.as_json())
        with (folder / "ranking.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(ranking[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(ranking)
        # Not an out of `train`: no edit of a page may train a candidate again.
        for name, search in searches.items():
            (folder / _page(name)).parent.mkdir(exist_ok=True)
            (folder / _page(name)).write_text(page(name, *search), encoding="utf-8")


def _page(candidate: str) -> str:
    """Where the page of a search is, in the folder of the selection."""
    return f"studies/{candidate}.html"


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
        if (searched := workspace.selection / _page(standing.candidate)).exists():
            tracker.upload(run_id, searched, "search")
