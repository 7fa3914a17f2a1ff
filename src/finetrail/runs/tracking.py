"""MLflow as an index of the runs: log a run, and rebuild it from files if the server lacks it."""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from finetrail.run_paths import RunPaths
from finetrail.runs.curves import read_curve
from finetrail.runs.mlflow_errors import tracking_errors
from finetrail.runs.record import RunRecord, curve_metrics, final_metrics, run_name
from finetrail.runs.study import read_study
from finetrail.runs.trials import StudyRuns
from finetrail.workspace import Workspace, read_json

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow's defaults wait many minutes for an absent server.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
_REBUILT = "finetrail.rebuilt_from"


def tracking_uri(workspace: Workspace) -> str:
    """$MLFLOW_TRACKING_URI, or a database in the workspace."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(workspace.mlflow / 'mlflow.db').resolve()}"


def prepare_environment(workspace: Workspace) -> str:
    """Set MLflow up for this process, before its first import: no telemetry, short patience. Returns the address."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    uri = tracking_uri(workspace)
    os.environ["MLFLOW_TRACKING_URI"] = uri
    return uri


def insist(write: Callable[[], object], tries: int = 5) -> None:
    """Set a tag or an alias, and retry if another process sets the same one at that moment.

    MLflow checks whether it exists and then inserts or updates it, so one of two concurrent inserts fails.
    """
    from mlflow.exceptions import MlflowException

    for left in reversed(range(tries)):
        try:
            write()
        except MlflowException as error:
            if not left or error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            time.sleep(0.1)
        else:
            return


@dataclass(frozen=True)
class Tracker:
    """An open experiment. Methods take run ids, because MLflow's active run is bound to a thread."""

    client: "MlflowClient"
    experiment_id: str
    uri: str

    def start(self, name: str, params: dict[str, str], tags: dict[str, str], datasets: list[dict[str, str]]) -> str:
        """Open a run and return its id."""
        with tracking_errors(self.uri):
            called = run_name(name, params, tags)
            run_id: str = self.client.create_run(self.experiment_id, run_name=called, tags=tags).info.run_id
        self.fill(run_id, name, params, datasets)
        return run_id

    def fill(self, run_id: str, name: str, params: dict[str, str], datasets: list[dict[str, str]]) -> None:
        """Log the settings and data sets of a run; repeating this does no harm."""
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param, RunTag

        with tracking_errors(self.uri):
            self.client.log_batch(
                run_id,
                params=[Param(key, value) for key, value in params.items()],
                tags=[RunTag("finetrail.candidate", name)],
            )
            inputs = [
                DatasetInput(
                    Dataset(
                        data["name"], data["digest"], "local", data["source"], profile=f'{{"num_rows": {data["rows"]}}}'
                    ),
                    [InputTag("mlflow.data.context", data["context"])],
                )
                for data in datasets
            ]
            self.client.log_inputs(run_id, inputs)

    def find(self, tag: str, value: str, *, running: bool = False) -> str | None:
        """The id of the run with this tag, if there is one. Args: running: only a run that has not ended."""
        wanted = f"tags.`{tag}` = '{value}'" + (" and attributes.status = 'RUNNING'" if running else "")
        with tracking_errors(self.uri):
            known = self.client.search_runs([self.experiment_id], wanted, max_results=1)
        return str(known[0].info.run_id) if known else None

    def reopen(self, run_id: str) -> set[tuple[str, int]]:
        """Set a run that was cut off to RUNNING again; returns the name and step of each of its values."""
        with tracking_errors(self.uri):
            self.client.update_run(run_id, "RUNNING")
            return {
                (name, point.step)
                for name in self.client.get_run(run_id).data.metrics
                for point in self.client.get_metric_history(run_id, name)
            }

    def log(self, run_id: str, values: dict[str, float], step: int = 0, at: int | None = None) -> None:
        """Log metrics at one step.

        Args:
            at: when they were measured, in milliseconds since 1970; now by default. Of metrics that are equal in all,
                MLflow keeps one: a point whose answer was lost can be sent again.
        """
        from mlflow.entities import Metric
        from mlflow.utils.time import get_current_time_millis

        at = get_current_time_millis() if at is None else at
        with tracking_errors(self.uri):
            self.client.log_batch(
                run_id, metrics=[Metric(name, float(value), at, step) for name, value in values.items()]
            )

    def tag(self, run_id: str, tags: dict[str, str]) -> None:
        """Set tags; `mlflow.note.content` is the description that the UI shows."""
        from mlflow.entities import RunTag

        with tracking_errors(self.uri):
            self.client.log_batch(run_id, tags=[RunTag(name, value[:5000]) for name, value in tags.items()])

    def describe(self, text: str) -> None:
        """Set the description of the experiment, which its page in the UI shows."""
        with tracking_errors(self.uri):
            self.client.set_experiment_tag(self.experiment_id, "mlflow.note.content", text)

    def tags(self, run_id: str) -> dict[str, str]:
        """The tags of a run."""
        with tracking_errors(self.uri):
            return dict(self.client.get_run(run_id).data.tags)

    def upload(self, run_id: str, path: Path, folder: str | None = None) -> None:
        """Copy a file, or a folder's files, to the run's artifacts."""
        with tracking_errors(self.uri):
            if path.is_dir():
                self.client.log_artifacts(run_id, str(path), folder)
            else:
                self.client.log_artifact(run_id, str(path), folder)

    def download(self, run_id: str, path: str, into: str) -> Path | None:
        """Copy one of the run's artifacts into a folder; None where its store does not give it."""
        from mlflow.exceptions import MlflowException

        try:
            return Path(self.client.download_artifacts(run_id, path, into))
        except (MlflowException, OSError):
            return None

    def end(self, run_id: str, status: str = "FINISHED") -> None:
        """Close a run as FINISHED, FAILED or KILLED."""
        with tracking_errors(self.uri):
            self.client.set_terminated(run_id, status)

    def resume(self, paths: RunPaths) -> str:
        """The id of the run that trained a candidate: the recorded one, or a copy rebuilt from the candidate's files.

        This server may never have seen the training run of a candidate that came from DVC's cache. The runs of the
        candidate's search are completed too.
        """
        record = RunRecord(**read_json(paths.record))
        run_id = self._known(record) or self._rebuilt(record, paths)
        study = read_study(paths.study_record)
        if study is not None:
            StudyRuns(self, record.name, study).finish(study, run_id)
        return run_id

    def _known(self, record: RunRecord) -> str | None:
        with tracking_errors(self.uri):
            for same in (f"attributes.run_id = '{record.run_id}'", f"tags.`{_REBUILT}` = '{record.run_id}'"):
                known = self.client.search_runs(
                    [self.experiment_id], f"{same} and attributes.status = 'FINISHED'", max_results=1
                )
                if known:
                    return str(known[0].info.run_id)
        return None

    def _rebuilt(self, record: RunRecord, paths: RunPaths) -> str:
        run_id = self.start(record.name, record.params, {**record.tags, _REBUILT: record.run_id}, record.datasets)
        for curve, path in (("train", paths.train_curve), ("val", paths.val_curve)):
            for point in read_curve(path):
                self.log(run_id, curve_metrics(curve, point), int(point["step"]))
        self.log(run_id, final_metrics(read_json(paths.details), record.measured))
        self.end(run_id)
        return run_id


def _look_at(uri: str) -> None:
    """Open a database that is a file, and close it: MLflow tries to for a minute and a half before it gives up.

    Raises:
        sqlite3.Error: it cannot be opened, or is something else.
    """
    file = Path(uri.partition("?")[0].removeprefix("sqlite:///"))
    if uri.startswith("sqlite:///") and file.exists():
        with closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA schema_version")


def connect(workspace: Workspace, experiment: str) -> Tracker:
    """Open the experiment; create database and experiment on first use.

    Raises:
        TrackingError: the server or database does not answer.
    """
    uri = prepare_environment(workspace)
    from filelock import FileLock
    from mlflow import MlflowClient

    folder = workspace.mlflow
    folder.mkdir(parents=True, exist_ok=True)
    local = uri.startswith("sqlite:")
    # Without the lock, two processes that open a new database at once would both create its tables.
    with FileLock(folder / "first-contact.lock"), tracking_errors(uri):
        _look_at(uri)
        client = MlflowClient(tracking_uri=uri)
        known = client.get_experiment_by_name(experiment)
        if known is not None:
            return Tracker(client, known.experiment_id, uri)
        location = (folder / "artifacts" / experiment).resolve().as_uri() if local else None
        created = client.create_experiment(experiment, artifact_location=location)
        client.set_experiment_tag(created, "mlflow.experimentKind", "custom_model_development")
        return Tracker(client, created, uri)
