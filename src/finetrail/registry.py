"""The MLflow model registry: versions found again by the fingerprint of their content, and the alias `challenger`."""

import importlib.metadata
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import finetrail
from finetrail import lineage
from finetrail.problem import CLASSIFICATION
from finetrail.tracking import Tracker, tracking_errors

FINGERPRINT = "finetrail.fingerprint"
ROUND_TRIP = "finetrail.round_trip"
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


@dataclass(frozen=True)
class Birth:
    """What only a new version gets: a version that is found again keeps the lineage that it was made with.

    Attributes:
        tags: of its lineage.
        documents: files that travel inside the registered model, by name.
        prove: given the packed model before anything is registered; raises to refuse it, returns what it found.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Path] = field(default_factory=dict)
    prove: Callable[[Path], str] | None = None


def register(
    tracker: Tracker,
    run_id: str,
    *,
    name: str,
    model: Path,
    example: dict[str, str],
    answers: Mapping[str, str] = CLASSIFICATION.answers,
    tags: dict[str, str],
    birth: Birth | None = None,
) -> Version:
    """Register a model folder as a version with the alias `challenger`, unless its content has a version already.

    Args:
        run_id: the run that trained the model.
        name: of the registered model.
        model: a folder that a task's `save` wrote.
        example: one row as a caller will send it: the column's name, `text` or `image`, and a text or base64.
        answers: the columns of its answers, and their MLflow types.
        tags: set on the version, new or not.

    Raises:
        TrackingError: the registry does not answer.
        RoundTripError: `birth.prove` refuses the packed model; nothing is registered then.
    """
    from mlflow.exceptions import MlflowException, RestException

    birth = birth or Birth()
    fingerprint = fingerprint_of(model)
    with tracking_errors(tracker.uri):
        known = _find(tracker, name, fingerprint)
    # The run's tags may hold a fingerprint too, of what it was trained from; a version is found by its content.
    tags = {**tags, FINGERPRINT: fingerprint}
    if known is None:
        packing = _packing(model, example, answers, birth.documents)
        tags = {**birth.tags, **tags}
        if birth.prove is not None:
            tags[ROUND_TRIP] = _prove(packing, birth.prove)
    with tracking_errors(tracker.uri):
        if known is None:
            try:
                tracker.client.create_registered_model(name)
            except (MlflowException, RestException) as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
        number = _log(tracker, run_id, name, packing, tags) if known is None else known
        for key, value in tags.items():
            tracker.client.set_model_version_tag(name, str(number), key, value)
        tracker.client.set_registered_model_alias(name, CHALLENGER, str(number))
    return Version(name, number, fingerprint, new=known is None)


def _find(tracker: Tracker, name: str, fingerprint: str) -> int | None:
    known = tracker.client.search_model_versions(
        f"name = '{name}' and tags.`{FINGERPRINT}` = '{fingerprint}'", max_results=1
    )
    return int(known[0].version) if known else None


def _packing(
    model: Path, example: dict[str, str], answers: Mapping[str, str], documents: Mapping[str, Path]
) -> dict[str, Any]:
    """What MLflow packs."""
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    package = Path(finetrail.__file__).parent
    return {
        "python_model": str(package / "serving.py"),
        "artifacts": {"model": str(model), **{key: str(path) for key, path in documents.items()}},
        "code_paths": [str(package)],
        # Given here, because MLflow would load the whole model to infer what is known. Images are strings too:
        # base64 in a request. MLflow lets bytes pass in a column of strings, but takes a string in a column of
        # `binary` for base64 without checking it, so that a path would become a damaged image.
        "signature": ModelSignature(
            Schema([ColSpec("string", column) for column in example]),
            Schema([ColSpec(kind, column) for column, kind in answers.items()]),
        ),
        "pip_requirements": [
            f"{part}=={importlib.metadata.version(part).split('+')[0]}"
            for column in example
            for part in REQUIREMENTS[column]
        ],
        "input_example": pd.DataFrame([example]),
    }


def _prove(packing: dict[str, Any], prove: Callable[[Path], str]) -> str:
    import mlflow

    with TemporaryDirectory(prefix="finetrail-packed-") as temporary:
        packed = Path(temporary) / "model"
        mlflow.pyfunc.save_model(path=str(packed), **packing)
        return prove(packed)


def _log(tracker: Tracker, run_id: str, name: str, packing: dict[str, Any], tags: dict[str, str]) -> int:
    import mlflow

    with _active(run_id):
        logged = mlflow.pyfunc.log_model(name="model", **packing)
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
