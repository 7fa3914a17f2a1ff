"""A training in progress: its attempt, and the MLflow run that shows it."""

import os
import shutil
from dataclasses import replace
from getpass import getuser
from pathlib import Path

from filelock import FileLock, Timeout

from finetrail.errors import WorkspaceError
from finetrail.runs import hashes, tracking
from finetrail.runs.attempt import open_attempt, write_attempt
from finetrail.runs.curve_log import CurveLog, open_log
from finetrail.runs.record import RunRecord
from finetrail.training.checkpoints import Checkpoint, Checkpoints
from finetrail.workspace import Workspace

PATIENCE = 20.0
"""Seconds: the loader processes of a training that was killed hold its lock until they notice, some 5 seconds later."""


def checkpoint_folder(workspace: Workspace, name: str) -> Path:
    """The folder of a candidate's checkpoints: outside every out, because DVC deletes outs before a stage.

    Set $FINETRAIL_CHECKPOINTS to another folder if the workspace does not survive a crash.
    """
    return Path(os.environ.get("FINETRAIL_CHECKPOINTS") or workspace.scratch / "checkpoints") / name


class LiveRun:
    """The MLflow run of a training, new or resumed.

    Args:
        record: of the run, without its id and measurements.
        identity: what the result depends on besides the record's settings and data; see `Attempt`.
        steps, length_matters: see `open_attempt`.
        patience: seconds to wait for another process that trains this candidate.
        start: a folder with checkpoints of the same training, to take where there are none of this candidate's.

    Attributes:
        log: receives the points of the curves.
        resume: the checkpoint to resume from, if any.

    Raises:
        WorkspaceError: another process is training this candidate.
        TrackingError: the server or database does not answer.
    """

    def __init__(
        self,
        workspace: Workspace,
        project: str,
        record: RunRecord,
        identity: dict[str, str],
        *,
        steps: int,
        length_matters: bool,
        patience: float = PATIENCE,
        start: Path | None = None,
    ) -> None:
        tracker = tracking.connect(workspace, project)
        self._folder = checkpoint_folder(workspace, record.name)
        self._lock = _lock(self._folder, patience)
        data = {f"data.{one['name']}": one["digest"] for one in record.datasets}
        stage = f"train@{record.name}"
        opened = open_attempt(self._folder, record.params | data | identity, steps=steps, length_matters=length_matters)
        self._attempt, self._length_matters = opened.attempt, length_matters
        self.resume: Checkpoint | None = opened.resume or (_taken(start, self._folder) if start else None)
        self.log: CurveLog = open_log(
            tracker,
            key=opened.attempt.key,
            superseded=opened.attempt.superseded,
            name=record.name,
            params=record.params,
            tags=record.tags | _started(stage) | hashes.live_tags(workspace, stage),
            datasets=record.datasets,
        )
        fitted = self.resume.state["fitted"] if self.resume else {}
        for curve in ("train", "val"):
            for point in fitted.get(f"{curve}_curve", []):
                self.log(curve, int(point["step"]), point)

    def fail(self, error: BaseException) -> None:
        """Close the run as failed or killed; its checkpoints stay for the next start."""
        try:
            self.log.close({}, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        finally:
            self.release()

    def finish(self, final: dict[str, float]) -> None:
        """Close the run after all outs are written. Checkpoints stay only if a longer training can resume from them."""
        self.log.close(final, "FINISHED")
        write_attempt(self._folder, replace(self._attempt, finished=True))
        if self._length_matters:
            Checkpoints(self._folder).clear()
        self.release()

    def release(self) -> None:
        """Let another process train this candidate, as the system does when this one is killed."""
        self._lock.release()


def _started(stage: str) -> dict[str, str]:
    """What MLflow's list of runs shows as user and source."""
    try:
        user = getuser()
    except (ImportError, KeyError, OSError):  # a container's user may have a number and no name
        user = "unknown"
    return {"mlflow.user": user, "mlflow.source.name": f"dvc repro {stage}", "mlflow.source.type": "LOCAL"}


def _taken(start: Path, folder: Path) -> Checkpoint | None:
    if start.is_dir():
        shutil.copytree(start, folder, dirs_exist_ok=True)
    return Checkpoints(folder).newest()


def _lock(folder: Path, patience: float) -> FileLock:
    """Take the lock to hold during training: two processes would write to the same checkpoints and run."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(patience)
    except Timeout as error:
        raise WorkspaceError(
            f"candidate {folder.name!r} is being trained by another process, which holds {lock.lock_file}; "
            "wait for it to end, or end it"
        ) from error
    return lock
