"""The MLflow model registry: versions found again by the fingerprint of their content, and the alias `challenger`."""

import importlib.metadata
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import finetrail
from finetrail import lineage
from finetrail.problem import CLASSIFICATION
from finetrail.tracking import Tracker, tracking_errors

FINGERPRINT = "finetrail.fingerprint"
CHALLENGER = "challenger"
# All that the registered model imports, by its column; the versions are those that it was trained with. The backbone of
# an image model is of torchvision, timm or transformers.
_ALWAYS = ("mlflow", "numpy", "pandas", "pydantic", "safetensors", "torch", "transformers")
REQUIREMENTS = {"text": _ALWAYS, "image": (*_ALWAYS, "pillow", "timm", "torchvision")}


@dataclass(frozen=True)
class Version:
    """A version of a registered model. Attributes: new: False if the same content was registered before."""

    name: str
    version: int
    fingerprint: str
    new: bool


def fingerprint_of(model: Path) -> str:
    """What makes two models the same version: the bytes of all their files."""
    return lineage.hash_folder(model)


def register(
    tracker: Tracker,
    run_id: str,
    *,
    name: str,
    model: Path,
    example: dict[str, str],
    answers: Mapping[str, str] = CLASSIFICATION.answers,
    tags: dict[str, str],
) -> Version:
    """Register a model folder as a version with the alias `challenger`, unless its content has a version already.

    Args:
        run_id: the run that trained the model.
        name: of the registered model.
        model: a folder that a task's `save` wrote.
        answers: the columns of its answers, and their MLflow types.
        example: one row as a caller will send it: the column's name, `text` or `image`, and a text or base64.
        tags: lineage, set on the version.

    Raises:
        TrackingError: the registry does not answer.
    """
    from mlflow.exceptions import MlflowException, RestException

    fingerprint = fingerprint_of(model)
    # The run's tags may hold a fingerprint too, of what it was trained from; a version is found by its content.
    tags = {**tags, FINGERPRINT: fingerprint}
    with tracking_errors(tracker.uri):
        try:
            tracker.client.create_registered_model(name)
        except (MlflowException, RestException) as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        known = tracker.client.search_model_versions(
            f"name = '{name}' and tags.`{FINGERPRINT}` = '{fingerprint}'", max_results=1
        )
        number = int(known[0].version) if known else _log(tracker, run_id, name, model, example, answers, tags)
        for key, value in tags.items():
            tracker.client.set_model_version_tag(name, str(number), key, value)
        tracker.client.set_registered_model_alias(name, CHALLENGER, str(number))
    return Version(name, number, fingerprint, new=not known)


def _log(  # noqa: PLR0917 - what `register` was given, passed on
    tracker: Tracker,
    run_id: str,
    name: str,
    model: Path,
    example: dict[str, str],
    answers: Mapping[str, str],
    tags: dict[str, str],
) -> int:
    import mlflow
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    package = Path(finetrail.__file__).parent
    with _active(run_id):
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(package / "serving.py"),
            artifacts={"model": str(model)},
            code_paths=[str(package)],
            # Given here, because MLflow would load the whole model to infer what is known. Images are strings too:
            # base64 in a request. MLflow lets bytes pass in a column of strings, but takes a string in a column of
            # `binary` for base64 without checking it, so that a path would become a damaged image.
            signature=ModelSignature(
                Schema([ColSpec("string", column) for column in example]),
                Schema([ColSpec(kind, column) for column, kind in answers.items()]),
            ),
            pip_requirements=[
                f"{part}=={importlib.metadata.version(part).split('+')[0]}"
                for column in example
                for part in REQUIREMENTS[column]
            ],
            input_example=pd.DataFrame([example]),
        )
    version = tracker.client.create_model_version(name, logged.model_uri, run_id, tags=tags, model_id=logged.model_id)
    return int(version.version)


@contextmanager
def _active(run_id: str) -> Iterator[None]:
    """Make a closed run the active one for what can log to no other, and close it again."""
    import mlflow

    # An id in the environment would win over the one given here.
    outer = os.environ.pop("MLFLOW_RUN_ID", None)
    try:
        with mlflow.start_run(run_id=run_id):
            yield
    except BaseException:
        # MLflow now calls the run failed, but it did train its model.
        mlflow.MlflowClient().set_terminated(run_id, "FINISHED")
        raise
    finally:
        if outer is not None:
            os.environ["MLFLOW_RUN_ID"] = outer
