"""Stage `assess`: learn more about the chosen model than its score. It never sees a test row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetrail.assessment.assessed import Given
from finetrail.assessment.kinds import KINDS
from finetrail.data.splitting.settings import Split
from finetrail.errors import WorkspaceError
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.evaluation.selection import Choice, Selection
from finetrail.progress import Track, quiet
from finetrail.settings import Settings
from finetrail.targets.target import metric_named
from finetrail.tasks.registry import load_model
from finetrail.workspace import Workspace, need, read_json, replacing

if TYPE_CHECKING:
    from finetrail.sections import Candidate


@dataclass(frozen=True)
class Assessed:
    """What `assess` did. Attributes: said: the finding in a line."""

    candidate: str
    said: str


def _unheard(line: str) -> None:
    """Ignore the line."""


@dataclass(frozen=True)
class Pipeline:
    """The sections of params.yaml that the model comes from."""

    selection: Selection
    seed: int
    split: Split
    candidates: Mapping[str, "Candidate"]


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
    """
    choice = Choice.from_json(read_json(need(workspace.selection_report, "select")))
    built = load_model(need(workspace.model(choice.chosen), "train"))
    if choice.chosen not in pipeline.candidates:
        raise WorkspaceError(
            f"{choice.chosen!r} was chosen, but params.yaml has only {', '.join(pipeline.candidates)}; run `dvc repro`"
        )
    selection, chosen = pipeline.selection, pipeline.candidates[choice.chosen]
    given = Given(
        choice.chosen,
        built,
        workspace,
        pipeline.seed,
        metric_named(built.task.target.metrics, selection.metric),
        Draws(selection.resamples, selection.seed, selection.confidence),
        chosen.backbone,
        chosen.train,
        pipeline.split,
        track,
        tell,
    )
    with replacing(workspace.assessment(name)) as folder:
        said = KINDS[name].load().assess(given, settings, folder)
    return Assessed(choice.chosen, said)
