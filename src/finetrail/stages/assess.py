"""Stage `assess`: learn more about the chosen model than its score. It never sees a test row."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from filelock import FileLock

from finetrail.assessment.assessed import Given, Pipeline
from finetrail.assessment.kinds import KINDS
from finetrail.errors import WorkspaceError
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.evaluation.selection import Choice
from finetrail.progress import Track, quiet
from finetrail.registry.assessments import ABOUT, About
from finetrail.registry.assessments import publish as publish_assessment
from finetrail.registry.ledger import open_ledger
from finetrail.runs import tracking
from finetrail.runs.hashes import hash_folder
from finetrail.search.settled import settled
from finetrail.settings import Settings
from finetrail.targets.target import metric_named
from finetrail.tasks.registry import load_model
from finetrail.workspace import Workspace, need, read_json, replacing, write_json

__all__ = ["Assessed", "Pipeline", "assess", "publish"]


@dataclass(frozen=True)
class Assessed:
    """What `assess` did. Attributes: said: the finding in a line."""

    candidate: str
    said: str


def _unheard(line: str) -> None:
    """Ignore the line."""


def assess(
    workspace: Workspace,
    name: str,
    settings: Settings,
    *,
    pipeline: Pipeline,
    track: Track = quiet,
    tell: Callable[[str], None] = _unheard,
) -> Assessed:
    """Write `data/reports/assess/<name>` for the model that `select` chose.

    Args:
        name: one of `finetrail.assessment.kinds.KINDS`.
        settings: its section.
        pipeline: what it may do again, such as dividing rows or training.
        tell: takes a line that says how long it will take.

    Raises:
        ModelError: an answer is NaN or infinite.
        WorkspaceError: results are missing, or params.yaml has no longer what was chosen.
        TrainingError: an assessment that trains cannot.
    """
    choice = Choice.from_json(read_json(need(workspace.selection_report, "select")))
    built = load_model(need(workspace.model(choice.chosen), "train"))
    if choice.chosen not in pipeline.candidates:
        raise WorkspaceError(
            f"{choice.chosen!r} was chosen, but params.yaml has only {', '.join(pipeline.candidates)}; run `dvc repro`"
        )
    settled_ones = {name: settled(workspace, name, one) for name, one in pipeline.candidates.items()}
    selection, pipeline = pipeline.selection, replace(pipeline, candidates=settled_ones)
    given = Given(
        choice.chosen,
        built,
        workspace,
        pipeline,
        metric_named(built.task.target.metrics, selection.metric),
        Draws(selection.resamples, selection.seed, selection.confidence),
        track,
        tell,
    )
    model = hash_folder(workspace.model(choice.chosen))
    kind = KINDS[name]
    workspace.scratch.mkdir(parents=True, exist_ok=True)
    kind.prepare(given, settings)
    with FileLock(workspace.scratch / f"assess-{name}.lock"), replacing(workspace.assessment(name)) as folder:
        said = kind.load().assess(given, settings, folder)
        write_json(folder / ABOUT, About(name, choice.chosen, model, said).as_json())
    return Assessed(choice.chosen, said)


def publish(workspace: Workspace, project: str, name: str) -> None:
    """Show an assessment in MLflow, and enter it in the ledger."""
    folder = workspace.assessment(name)
    about = About(**read_json(folder / ABOUT))
    tracker = tracking.connect(workspace, project)
    run_id = tracker.resume(workspace.run(about.candidate))
    publish_assessment(open_ledger(tracker, project, workspace.root), run_id, about, folder)
