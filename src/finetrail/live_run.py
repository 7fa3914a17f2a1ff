"""A training that goes on: its attempt, and the MLflow run that shows it."""

import shutil
from pathlib import Path

from finetrail import lineage, tracking
from finetrail.attempts import open_attempt, write_attempt
from finetrail.curve_log import CurveLog, open_log
from finetrail.runs import RunRecord
from finetrail.training.checkpoints import Checkpoint
from finetrail.workspace import Workspace


def checkpoint_folder(workspace: Workspace, name: str) -> Path:
    """Where a candidate's checkpoints are: outside of every out, because DVC deletes outs before a stage."""
    return workspace.scratch / "checkpoints" / name


class LiveRun:
    """The MLflow run of a training, new or taken up again.

    Args:
        record: of the run, but for its id and what is measured.
        identity: what the result depends on beside the record's settings and data: see `Attempt`.
        length_matters: see `open_attempt`.

    Attributes:
        log: hears of the curves.
        resume: the checkpoint to go on from.
    """

    def __init__(
        self, workspace: Workspace, project: str, record: RunRecord, identity: dict[str, str], *, length_matters: bool
    ) -> None:
        tracker = tracking.connect(workspace, project)
        self._folder = checkpoint_folder(workspace, record.name)
        data = {f"data.{one['name']}": one["digest"] for one in record.datasets}
        opened = open_attempt(self._folder, record.params | data | identity, length_matters=length_matters)
        self._attempt, self._length_matters = opened.attempt, length_matters
        self.resume: Checkpoint | None = opened.resume
        self.log: CurveLog = open_log(
            tracker,
            key=opened.attempt.key,
            superseded=opened.attempt.superseded,
            name=record.name,
            params=record.params,
            tags=record.tags | lineage.live_tags(workspace, f"train@{record.name}"),
            datasets=record.datasets,
        )
        fitted = opened.resume.state["fitted"] if opened.resume else {}
        for curve in ("train", "val"):
            for point in fitted.get(f"{curve}_curve", []):
                self.log(curve, int(point["step"]), point)

    def fail(self, error: BaseException) -> None:
        """Close the run; what is left of it waits for the next start."""
        self.log.close({}, "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")

    def finish(self, final: dict[str, float]) -> None:
        """Close the run, all outs being written. Checkpoints stay only where a longer training may go on from them."""
        self.log.close(final, "FINISHED")
        if self._length_matters:
            shutil.rmtree(self._folder, ignore_errors=True)
        else:
            write_attempt(self._folder, self._attempt, finished=True)
