"""Stage `register`: put the tested model into the MLflow registry, once for the same content."""

from dataclasses import asdict, dataclass
from typing import Any

from finetrail import registry, tracking
from finetrail.evaluation.selection import Choice
from finetrail.tasks.registry import get_entry
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
    task = get_entry(task_name)
    tracker = tracking.connect(workspace, project)
    paths = workspace.run(choice.chosen)
    run_id = tracker.resume(paths)
    version = registry.register(
        tracker,
        run_id,
        name=project,
        model=model,
        example={task.column: task.example},
        answers=task.problem.answers,
        tags=_tags(tracker.tags(run_id), choice, tested),
    )
    described = {key: value for key, value in asdict(version).items() if key != "new"}
    # The run that trained the model, of which this server may hold only a copy: an out does not depend on the server.
    trained_in = read_json(paths.record)["run_id"]
    write_json(
        workspace.registration,
        described | {"alias": registry.CHALLENGER, "candidate": choice.chosen, "run_id": trained_in},
    )
    return Registered(version.name, version.version, version.new)


def _tags(run_tags: dict[str, str], choice: Choice, tested: dict[str, Any]) -> dict[str, str]:
    """What a reader of the registry asks first; the lineage is the one that the training run recorded."""
    inherited = {
        key: value
        for key, value in run_tags.items()
        if key.startswith("finetrail.") or key == "mlflow.source.git.commit"
    }
    scores = {f"finetrail.test_{name}": f"{value:.4f}" for name, value in tested["test"].items()}
    return inherited | scores | {"finetrail.why": choice.reason}
