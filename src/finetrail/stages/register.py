"""Stage `register`: put the tested model into the MLflow registry, once for the same content."""

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from finetrail import lineage, registry, tracking
from finetrail.evaluation.selection import Choice
from finetrail.prediction import answer
from finetrail.tasks.registry import get_task, load_model
from finetrail.workspace import Workspace, need, read_json, write_json


@dataclass(frozen=True)
class Registered:
    """What `register` did. Attributes: new: False if the same content had a version already."""

    name: str
    version: int
    new: bool


def register(workspace: Workspace, *, project: str, task_name: str) -> Registered:
    """Write `data/registration.json` for the version of the chosen model; make the version if there is none."""
    choice = Choice.from_json(read_json(need(workspace.selection_report, "select")))
    tested = read_json(need(workspace.test_report / "metrics.json", "test"))
    model = need(workspace.model(choice.chosen), "train")
    task = get_task(task_name)
    example = pd.DataFrame({task.column: [task.example]})
    tracker = tracking.connect(workspace, project)
    run_id = tracker.resume(workspace.run(choice.chosen))
    version = registry.register(
        tracker,
        run_id,
        project,
        model,
        example,
        answer(load_model(model), [task.example]),
        _tags(workspace, choice, tested),
    )
    described = {key: value for key, value in asdict(version).items() if key != "new"}
    write_json(workspace.registration, described | {"alias": registry.CHALLENGER, "candidate": choice.chosen, "run_id": run_id})
    return Registered(version.name, version.version, version.new)


def _tags(workspace: Workspace, choice: Choice, tested: dict[str, Any]) -> dict[str, str]:
    scores = {f"finetrail.test_{name}": f"{value:.4f}" for name, value in tested["test"].items()}
    weights = lineage.hash_folder(workspace.model(choice.chosen))
    return {**lineage.live_tags(workspace, "register"), **scores, "finetrail.candidate": choice.chosen, "finetrail.model_sha256": weights}
