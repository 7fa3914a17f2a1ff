"""MLflow as an index of the runs: what a run logs, and how it is rebuilt from files where the server lost it."""

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.curves import read_curve
from finetrail.errors import TrackingError
from finetrail.workspace import RunPaths, Workspace, read_json, write_json

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

# MLflow's defaults wait many minutes for a server that is not there.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
_REBUILT = "finetrail.rebuilt_from"


@dataclass(frozen=True)
class RunRecord:
    """run.json: the identity of the MLflow run that trained a candidate, and all that is needed to rebuild it.

    Attributes:
        params: every setting that the training used, by dotted name.
        tags: hashes of what went in.
        datasets: name, digest, number of rows and context (`training`, `validation`) of each data set.
        measured: seconds, samples a second and peak memory of that very run.
    """

    run_id: str
    name: str
    params: dict[str, str]
    tags: dict[str, str]
    datasets: list[dict[str, str]]
    measured: dict[str, float]


def tracking_uri(workspace: Workspace) -> str:
    """$MLFLOW_TRACKING_URI, or a database in the workspace."""
    return (
        os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(workspace.scratch / 'mlflow' / 'mlflow.db').resolve()}"
    )


def prepare_environment(workspace: Workspace) -> str:
    """Set MLflow up for this process, before its first import: no telemetry, short patience. Returns the address."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    uri = tracking_uri(workspace)
    os.environ["MLFLOW_TRACKING_URI"] = uri
    return uri


@contextmanager
def tracking_errors(uri: str) -> Iterator[None]:
    """Turn what MLflow raises when its server or database does not answer into one line."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:  # MLflow lets its database's errors through
        cause = _without_secrets(" ".join(str(error).split()))[:200]
        raise TrackingError(
            f"MLflow at {_without_secrets(uri)} does not answer as it should ({cause}); "
            "start it, or correct MLFLOW_TRACKING_URI"
        ) from error


@dataclass(frozen=True)
class Tracker:
    """An open experiment. Runs are always named by their id: MLflow's notion of an active run is a thread's."""

    client: "MlflowClient"
    experiment_id: str
    uri: str

    def start(self, name: str, params: dict[str, str], tags: dict[str, str], datasets: list[dict[str, str]]) -> str:
        """Open a run and return its id."""
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param, RunTag

        with tracking_errors(self.uri):
            run = self.client.create_run(self.experiment_id, run_name=name, tags=tags)
            run_id: str = run.info.run_id
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
        return run_id

    def log(self, run_id: str, values: dict[str, float], step: int = 0) -> None:
        """Log metrics at one step."""
        from mlflow.entities import Metric
        from mlflow.utils.time import get_current_time_millis

        now = get_current_time_millis()
        with tracking_errors(self.uri):
            self.client.log_batch(
                run_id, metrics=[Metric(name, float(value), now, step) for name, value in values.items()]
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

    def end(self, run_id: str, status: str = "FINISHED") -> None:
        """Close a run as FINISHED, FAILED or KILLED."""
        with tracking_errors(self.uri):
            self.client.set_terminated(run_id, status)

    def resume(self, paths: RunPaths) -> str:
        """The id of the run that trained a candidate: the recorded one, or a copy rebuilt from the candidate's files.

        A candidate that came out of DVC's cache was trained in a run that this server may never have seen.
        """
        record = RunRecord(**read_json(paths.record))
        with tracking_errors(self.uri):
            for same in (f"attributes.run_id = '{record.run_id}'", f"tags.`{_REBUILT}` = '{record.run_id}'"):
                known = self.client.search_runs(
                    [self.experiment_id], f"{same} and attributes.status = 'FINISHED'", max_results=1
                )
                if known:
                    return str(known[0].info.run_id)
        run_id = self.start(record.name, record.params, {**record.tags, _REBUILT: record.run_id}, record.datasets)
        for curve, path in (("train", paths.train_curve), ("val", paths.val_curve)):
            for point in read_curve(path):
                self.log(run_id, curve_metrics(curve, point), int(point["step"]))
        self.log(run_id, final_metrics(read_json(paths.metrics), record.measured))
        self.end(run_id)
        return run_id


def connect(workspace: Workspace, experiment: str) -> Tracker:
    """Open the experiment, and create database and experiment at the first contact.

    Raises:
        TrackingError: the server or database does not answer.
    """
    uri = prepare_environment(workspace)
    from filelock import FileLock
    from mlflow import MlflowClient

    folder = workspace.scratch / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    local = uri.startswith("sqlite:")
    # Two processes that meet a fresh database at once would both create its tables.
    with FileLock(folder / "first-contact.lock"), tracking_errors(uri):
        client = MlflowClient(tracking_uri=uri)
        known = client.get_experiment_by_name(experiment)
        if known is not None:
            return Tracker(client, known.experiment_id, uri)
        location = (folder / "artifacts" / experiment).resolve().as_uri() if local else None
        created = client.create_experiment(experiment, artifact_location=location)
        client.set_experiment_tag(created, "mlflow.experimentKind", "custom_model_development")
        return Tracker(client, created, uri)


class CurveLog:
    """Mirrors a training run's curves to MLflow while it goes on. A server that is away for a while stops nothing.

    The files are the truth and MLflow shows them: points that could not be sent are kept and sent with later ones.

    Args:
        pause: seconds in which a server that did not answer is not asked again; each try costs training its patience.
    """

    def __init__(self, tracker: Tracker, run_id: str, pause: float = 60.0) -> None:
        self._tracker = tracker
        self._run_id = run_id
        self._pause = pause
        self._ask_from = 0.0
        self._pending: list[tuple[dict[str, float], int]] = []

    def __call__(self, curve: str, step: int, point: dict[str, float]) -> None:
        """Send a point; see `finetrail.training.loop.Observer`."""
        self._pending.append((curve_metrics(curve, point), step))
        if time.monotonic() >= self._ask_from:
            self._send()

    def close(self, final: dict[str, float], status: str) -> None:
        """Send what is left and close the run; a run that stays open is rebuilt from files by the next stage."""
        self._pending.append((final, 0))
        if self._send():
            try:
                self._tracker.end(self._run_id, status)
            except TrackingError as error:
                log.warning("%s; the run will be rebuilt from its files", error)

    def _send(self) -> bool:
        try:
            while self._pending:
                self._tracker.log(self._run_id, *self._pending[0])
                self._pending.pop(0)
        except TrackingError as error:
            self._ask_from = time.monotonic() + self._pause
            log.warning("%s; training goes on, %d points wait", error, len(self._pending))
        return not self._pending


def curve_metrics(curve: str, point: dict[str, float]) -> dict[str, float]:
    """A point of a curve as MLflow metrics: `train/loss`, `val/macro_f1`, ..."""
    return {f"{curve}/{name}": value for name, value in point.items() if name not in ("step", "epoch")}


def final_metrics(metrics: dict[str, Any], measured: dict[str, float]) -> dict[str, float]:
    """The numbers that candidates are compared by: the kept checkpoint's scores, its size and what it cost."""
    scores = {f"best_val_{name}": value for name, value in metrics["val"].items()}
    sizes = {f"{name}_parameters": value for name, value in metrics["parameters"].items()}
    return scores | sizes | measured


def write_record(record: RunRecord, path: Path) -> None:
    """Write run.json."""
    write_json(path, asdict(record))


def _without_secrets(text: str) -> str:
    """The text, its addresses without user name and password."""
    return re.sub(r"://[^/\s]*@", "://", text)
