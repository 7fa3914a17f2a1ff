"""`finetrail evaluate`: score a registered version on the test split of the workspace."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from finetrail.evaluation.scores.bootstrap import Interval
from finetrail.gate.answers import answers_of, metrics_of, open_test_split, opened
from finetrail.gate.settings import Gate
from finetrail.progress import Track, quiet
from finetrail.registry import promotion
from finetrail.registry.ledger import open_ledger
from finetrail.registry.meant import meant
from finetrail.runs import tracking
from finetrail.tasks.task import Task
from finetrail.workspace import Workspace


@dataclass(frozen=True)
class Evaluated:
    """What `evaluate` found. Attributes: models_scored: on this test split so far."""

    address: str
    version: int
    test_split: str
    rows: int
    models_scored: int
    metrics: Mapping[str, Interval]

    def as_json(self) -> dict[str, object]:
        """The content of the file that --json names."""
        return asdict(self)


def evaluate(
    workspace: Workspace, *, project: str, task: Task, settings: Gate, version: str | None, track: Track = quiet
) -> Evaluated:
    """Score a version anew, store its answers with its run, and enter the scoring in the ledger.

    Args:
        version: its number, an alias or a candidate; None for the version of the workspace.

    Raises:
        RefusedError: there is no such version, or it does not know a label of the test split.
        WorkspaceError: the workspace has no test split.
    """
    tracker = tracking.connect(workspace, project)
    ledger = open_ledger(tracker, project, workspace.root)
    chain = promotion.reconcile(ledger)
    known = meant(workspace, tracker, project, version, own=True).known
    split = open_test_split(workspace, task.content.name)
    with opened(ledger, chain, workspace.scratch, known) as model:
        answers = answers_of(ledger, chain, model, split, anew=True, track=track)
        metrics = metrics_of(model.built, answers, split, settings)
    scored = len(ledger.read().scored(split.sha256))
    return Evaluated(known.address, known.version, split.sha256, len(split.rows), scored, metrics)
