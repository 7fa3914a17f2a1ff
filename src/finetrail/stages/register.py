"""Stage `register`: put the tested model into the MLflow registry, once per content."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from finetrail.errors import WorkspaceError
from finetrail.evaluation.selection import Choice
from finetrail.inference.questions import drawn
from finetrail.proof import growth, record
from finetrail.proof.round_trip import RoundTrip
from finetrail.registry import assessments, packing
from finetrail.registry.ledger import open_ledger
from finetrail.registry.versions import CHALLENGER, find
from finetrail.runs import tracking
from finetrail.serving.predictions import read_predictions
from finetrail.targets.same_number import told
from finetrail.targets.target import metric_named
from finetrail.tasks.task import Task, read_description
from finetrail.workspace import Workspace, need, read_json, write_json

TEST_ROWS = 64
"""The most test rows that the packed model answers: enough to show that `test` scored this very model."""


@dataclass(frozen=True)
class Registered:
    """What `register` did.

    Attributes:
        new: False if this content already had a version.
        challenges: whether it has the alias `challenger` now.
        added: what its lineage gained, for people; empty if nothing.
    """

    name: str
    version: int
    new: bool
    challenges: bool
    added: str


def register(workspace: Workspace, *, project: str, task: Task, sources: Sequence[str]) -> Registered:
    """Write `data/registration.json` for the version of the chosen model; create the version if there is none.

    Args:
        sources: the addresses of the labelled data, for the lineage.

    Raises:
        RoundTripError: the packed model's answers differ from the pipeline's; nothing is registered.
    """
    choice = Choice.from_json(read_json(need(workspace.selection_report, "select")))
    tested = read_json(need(workspace.test_details, "test"))
    need(workspace.test_report / "predictions.parquet", "test")
    model = need(workspace.model(choice.chosen), "train")
    tracker = tracking.connect(workspace, project)
    paths = workspace.run(choice.chosen)
    run_id = tracker.resume(paths)
    description = read_description(model)
    if description["task"] != task.name:
        raise WorkspaceError(
            f"{model} was trained for {description['task']}, but params.yaml says {task.name}; run `dvc repro`"
        )
    codec = task.target.codec(description["target"])
    for split in ("val", "test"):
        need(workspace.split(split), "split")
    need(paths.predictions, "train")
    prove = partial(_prove, workspace, choice, task)
    described = record.describe(workspace, choice.chosen, sources)
    ledger = open_ledger(tracker, project, workspace.root)
    for about, folder in assessments.written(workspace.assessments, packing.fingerprint_of(model)):
        assessments.publish(ledger, run_id, about, folder)  # mirrored alone: no out of this stage depends on them
    version = packing.register(
        ledger,
        run_id,
        model=model,
        packing=packing.Packing(
            example=dict.fromkeys(description["columns"], task.example),
            answers=codec.kinds,
            requirements=task.content.requirements,
            sent=task.content.sent,
            options=task.target.Options.declared(),
            more=task.target.Options.columns,
            streams=task.target.streams,
        ),
        tags=_tags(choice, tested),
        birth=packing.Birth(
            _inherited(tracker.tags(run_id)) | described.tags, described.with_tags, prove, _page(choice, tested)
        ),
        # Whoever applies an experiment makes it the workspace's own.
        challenges=workspace.original is None,
    )
    entry = None
    if not version.new:
        entry = growth.grow(ledger, find(tracker, project, str(version.version)), described)
    out = {key: value for key, value in asdict(version).items() if key != "new"}
    # Record the original training run: this server may hold only a copy, and an out must not depend on the server.
    trained_in = read_json(paths.record)["run_id"]
    out |= {"alias": CHALLENGER, "candidate": choice.chosen, "run_id": trained_in}
    if not _says(workspace, out):
        write_json(workspace.registration, out)
    added = f"its lineage leads to commit {entry.facts['commit'][:12]} now" if entry else ""
    return Registered(version.name, version.version, version.new, workspace.original is None, added)


def _prove(workspace: Workspace, choice: Choice, task: Task, folder: Path) -> dict[str, str]:
    """Try a packed model; returns what was found, as tags. Raises: RoundTripError: it is not the trained one."""
    paths, metric = workspace.run(choice.chosen), metric_named(task.target.metrics, choice.metric)
    trained_run = read_json(paths.details)
    codec = task.target.codec(trained_run["target"])  # what the packed model says of itself is not trusted
    scored = read_predictions(workspace.test_report / "predictions.parquet")
    validated = drawn(workspace.split("val"), task.content, read_predictions(paths.predictions), codec)
    tested = drawn(workspace.split("test"), task.content, scored, codec, TEST_ROWS)
    found = RoundTrip(validated, tested, metric).prove(folder)
    # What stages wrote of the same rows; nothing is merged by most methods.
    unmerged = trained_run.get("unmerged", {})
    reloaded = read_json(workspace.test_details).get("reloaded", {})
    trained, scores = found.scores["trained"], {name: one for name, one in found.scores.items() if name != "trained"}
    before = {"trained": unmerged[metric.name], "merged": trained} if unmerged else {"trained": trained}
    after = {"reloaded": reloaded[metric.name]} if metric.name in reloaded else {}
    return {
        packing.ROUND_TRIP: f"{found.tested} test rows in a clean process, largest difference {found.apart:.1e}",
        packing.SAME_NUMBER: told(metric, found.validated, before | after | scores),
    }


def _says(workspace: Workspace, out: dict[str, Any]) -> bool:
    """Whether the file says so already, but for the number, which it has from the registry that came first."""
    written = read_json(workspace.registration) if workspace.registration.exists() else {}
    return bool(written) and written | {"version": out["version"]} == out


def _inherited(run_tags: dict[str, str]) -> dict[str, str]:
    """The training run's own tags. The caller sets commit and hashes again: the run may be a copy without them."""
    return {key: value for key, value in run_tags.items() if key.startswith("finetrail.")}


def _tags(choice: Choice, tested: dict[str, Any]) -> dict[str, str]:
    """Tags for a reader of the registry: test scores and the reason for the choice."""
    scores = {f"finetrail.test_{name}": f"{value:.4f}" for name, value in tested["test"].items()}
    return scores | {"finetrail.why": choice.reason}


def _page(choice: Choice, tested: dict[str, Any]) -> str:
    """What the version's page in MLflow says, as Markdown."""
    ends = {name: ends for name, ends in tested["intervals"].items() if name in tested["test"]}
    scores = ", ".join(
        f"{name} {tested['test'][name]:.3f} ({one['low']:.3f} to {one['high']:.3f})" for name, one in ends.items()
    )
    return "\n\n".join(
        [
            choice.reason,
            f"On test, scored once: {scores}.",
            "Data, code and settings: `artifacts/lineage.json`. Verdicts of the gate: `finetrail history`.",
        ]
    )
