"""A trained model by its address: a registered one, or a folder that holds one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from finetrail.errors import DataError, ModelError
from finetrail.runs.hashes import hash_folder
from finetrail.runs.mlflow_errors import tracking_errors
from finetrail.runs.tracking import prepare_environment
from finetrail.tasks.registry import load_model, task_of
from finetrail.tasks.task import DESCRIPTION, Task, read_description
from finetrail.workspace import Workspace

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel


@dataclass(frozen=True)
class Scorer:
    """A model that is ready to answer.

    Attributes:
        columns: the names of the contents that it reads.
        fingerprint: the hash of its files.
        answer: gives a row for each content, in their order; raises a DataError where one cannot be read.
    """

    task: Task
    columns: tuple[str, ...]
    fingerprint: str
    answer: Callable[[list[Any]], pd.DataFrame]


def open_scorer(workspace: Workspace, model: str) -> Scorer:
    """Load a model.

    Args:
        model: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, or a folder: one of MLflow's, or one of `data/models`.

    Raises:
        ModelError: the folder holds no model.
        TrackingError: there is no such registered model, or the registry does not answer.
    """
    folder = Path(model)
    if folder.is_dir() and not (folder / "MLmodel").exists():
        from finetrail.serving.answer import answer

        built = load_model(folder)
        return Scorer(built.task, built.columns, hash_folder(folder), lambda contents: answer(built, contents))
    uri = prepare_environment(workspace)
    with tracking_errors(uri):
        import mlflow

        # Fetch once: otherwise a model on a server would be fetched again for its hash.
        local = folder if folder.is_dir() else fetch(workspace, model)
        loaded = mlflow.pyfunc.load_model(str(local))
    described = read_description(model_folder(local))
    columns = tuple(described["columns"])
    # Only the artifacts: Python adds compiled files to the code beside them.
    fingerprint = hash_folder(local / "artifacts")
    return Scorer(task_of(described), columns, fingerprint, lambda contents: _ask(loaded, columns, contents))


def model_folder(folder: Path) -> Path:
    """The folder with model.json: the given one, or the one inside an MLflow model.

    Raises:
        ModelError: there is none.
    """
    found = [*folder.glob(DESCRIPTION), *folder.glob(f"artifacts/*/{DESCRIPTION}")]
    if len(found) != 1:
        raise ModelError(f"{folder} holds no {DESCRIPTION}, so it is not a finetrail model; name another")
    return found[0].parent


def fetch(workspace: Workspace, model: str) -> Path:
    """The folder of a registered model on this machine. Raises: TrackingError: there is none, or no answer."""
    uri = prepare_environment(workspace)
    with tracking_errors(uri):
        from mlflow.artifacts import download_artifacts

        return Path(download_artifacts(model))


def _ask(loaded: "PyFuncModel", columns: Sequence[str], contents: list[Any]) -> pd.DataFrame:
    from mlflow.exceptions import MlflowException

    parts = {name: [one[name] if isinstance(one, dict) else one for one in contents] for name in columns}
    try:
        frame: pd.DataFrame = loaded.predict(pd.DataFrame(parts, dtype=object))
    except MlflowException as error:
        if isinstance(error.__cause__, DataError):
            raise type(error.__cause__)(str(error)) from error
        raise
    return frame
