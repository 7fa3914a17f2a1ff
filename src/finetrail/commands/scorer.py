"""A trained model by its address: a registered one, or a folder that holds one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from finetrail.errors import ImageError
from finetrail.runs.hashes import hash_folder
from finetrail.runs.tracking import prepare_environment, tracking_errors
from finetrail.workspace import Workspace, read_json

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

_DTYPES = {"text": str, "image": object}


@dataclass(frozen=True)
class Scorer:
    """A model that is ready to answer.

    Attributes:
        column: what it reads, `text` or `image`.
        fingerprint: the hash of its files.
        answer: gives a row for each raw value, in their order; raises an ImageError where one is no whole image.
    """

    column: str
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
        from finetrail.tasks.registry import get_entry, load_model

        built = load_model(folder)
        column = get_entry(read_json(folder / "model.json")["task"]).column
        return Scorer(column, hash_folder(folder), lambda values: answer(built, values))
    uri = prepare_environment(workspace)
    with tracking_errors(uri):
        import mlflow

        # Once: a model on a server would be fetched again to be hashed.
        local = folder if folder.is_dir() else fetch(workspace, model)
        loaded = mlflow.pyfunc.load_model(str(local))
        column = loaded.metadata.get_input_schema().input_names()[0]
    # Beside its code, which Python adds to when it compiles it.
    return Scorer(column, hash_folder(local / "artifacts"), lambda values: _ask(loaded, column, values))


def fetch(workspace: Workspace, model: str) -> Path:
    """The folder of a registered model on this machine. Raises: TrackingError: there is none, or no answer."""
    uri = prepare_environment(workspace)
    with tracking_errors(uri):
        from mlflow.artifacts import download_artifacts

        return Path(download_artifacts(model))


def _ask(loaded: "PyFuncModel", column: str, values: list[Any]) -> pd.DataFrame:
    from mlflow.exceptions import MlflowException

    try:
        frame: pd.DataFrame = loaded.predict(pd.DataFrame({column: pd.Series(values, dtype=_DTYPES[column])}))
    except MlflowException as error:
        if isinstance(error.__cause__, ImageError):
            raise ImageError(str(error)) from error
        raise
    return frame
