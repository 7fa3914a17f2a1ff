"""The MLflow model registry: versions found again by the fingerprint of their content, and the alias `challenger`."""

import importlib.metadata
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import finetrail
from finetrail.runs import hashes
from finetrail.runs.mlflow_errors import tracking_errors
from finetrail.runs.tracking import Tracker
from finetrail.serving.answer_types import mlflow_type

FINGERPRINT = "finetrail.fingerprint"
ROUND_TRIP = "finetrail.round_trip"
CHALLENGER = "challenger"
# What every registered model imports; it pins the versions that are installed here.
REQUIREMENTS = ("mlflow", "numpy", "pandas", "pydantic", "safetensors", "torch", "transformers")


@dataclass(frozen=True)
class Version:
    """A version of a registered model. Attributes: new: False if the same content was registered before."""

    name: str
    version: int
    fingerprint: str
    new: bool


def fingerprint_of(model: Path) -> str:
    """The hash of all files of a model: models with the same one are the same version."""
    return hashes.hash_folder(model)


@dataclass(frozen=True)
class Birth:
    """For new versions only: a version that is found again keeps its original lineage.

    Attributes:
        tags: its lineage, as tags.
        documents: files that travel inside the registered model, by name.
        prove: takes the packed model's folder before it is registered; raises to refuse it, or returns what it found.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Path] = field(default_factory=dict)
    prove: Callable[[Path], str] | None = None


@dataclass(frozen=True)
class Packing:
    """What a task defines for its registered model.

    Attributes:
        example: one row as a caller will send it, by column.
        answers: the columns of its answers, and their types; see `finetrail.serving.answer_types`.
        requirements: packages that it imports besides `REQUIREMENTS`.
    """

    example: Mapping[str, str]
    answers: Mapping[str, str]
    requirements: Sequence[str] = ()


def register(
    tracker: Tracker,
    run_id: str,
    *,
    name: str,
    model: Path,
    packing: Packing,
    tags: dict[str, str],
    birth: Birth | None = None,
    challenges: bool = True,
) -> Version:
    """Register a model folder as a version, unless its content has one already.

    Args:
        run_id: the run that trained the model.
        name: the registered model's.
        model: a folder that a task's `save` wrote.
        packing: what its task defines for it.
        tags: set on the version, new or not.
        challenges: it gets the alias `challenger`.

    Raises:
        TrackingError: the registry does not answer.
        RoundTripError: `birth.prove` refuses the packed model; nothing is registered then.
    """
    birth = birth or Birth()
    fingerprint = fingerprint_of(model)
    with tracking_errors(tracker.uri):
        number = _find(tracker, name, fingerprint)
    new = number is None
    # The run's tags may hold a fingerprint too, of its training inputs; a version is found by its own content.
    tags = {**tags, FINGERPRINT: fingerprint}
    if number is None:
        with TemporaryDirectory(prefix="finetrail-packed-") as temporary:
            folder = Path(temporary) / "model"
            _pack(folder, model, packing, birth.documents)
            tags = {**birth.tags, **tags}
            if birth.prove is not None:
                tags[ROUND_TRIP] = birth.prove(folder)
            with tracking_errors(tracker.uri):
                number = _log(tracker, run_id, name, folder, tags)
    with tracking_errors(tracker.uri):
        for key, value in tags.items():
            tracker.client.set_model_version_tag(name, str(number), key, value)
        if challenges:
            tracker.client.set_registered_model_alias(name, CHALLENGER, str(number))
    return Version(name, number, fingerprint, new)


def _find(tracker: Tracker, name: str, fingerprint: str) -> int | None:
    known = tracker.client.search_model_versions(
        f"name = '{name}' and tags.`{FINGERPRINT}` = '{fingerprint}'", max_results=1
    )
    return int(known[0].version) if known else None


def _pack(folder: Path, model: Path, packing: Packing, documents: Mapping[str, Path]) -> None:
    """Write the folder that is registered: the model's files, finetrail's code, and the columns that go in and out."""
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    package = Path(finetrail.__file__).parent
    mlflow.pyfunc.save_model(
        path=str(folder),
        python_model=str(package / "serving" / "served.py"),
        artifacts={"model": str(model), **{key: str(path) for key, path in documents.items()}},
        code_paths=[str(package)],
        # Given here, because MLflow would load the whole model to infer it. Images are strings too:
        # base64 in a request. MLflow lets bytes pass in a column of strings, but takes a string in a column of
        # `binary` for base64 without checking it, so a path would become a damaged image.
        signature=ModelSignature(
            Schema([ColSpec("string", column) for column in packing.example]),
            Schema([ColSpec(mlflow_type(kind), column) for column, kind in packing.answers.items()]),
        ),
        pip_requirements=[
            f"{part}=={importlib.metadata.version(part).split('+')[0]}"
            for part in (*REQUIREMENTS, *packing.requirements)
        ],
        input_example=pd.DataFrame([dict(packing.example)]),
    )
    for compiled in folder.rglob("__pycache__"):
        shutil.rmtree(compiled)


def _log(tracker: Tracker, run_id: str, name: str, folder: Path, tags: dict[str, str]) -> int:
    """Upload the folder of the packed model as it is, with its ids in MLmodel, and make a version of it.

    MLflow's own `log_model` would pack again, and load the model into this process to try its example. This
    registers the very files that were proven in a separate process.
    """
    from mlflow.entities import LoggedModelOutput
    from mlflow.exceptions import MlflowException, RestException
    from mlflow.models import Model

    client = tracker.client
    try:
        client.create_registered_model(name)
    except (MlflowException, RestException) as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    run = client.get_run(run_id)
    logged = client.create_logged_model(
        run.info.experiment_id, name="model", source_run_id=run_id, params=run.data.params
    )
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    described = Model.load(folder)
    described.run_id, described.model_id, described.model_uuid = run_id, logged.model_id, logged.model_id
    described.artifact_path = logged.artifact_location
    described.save(str(folder / "MLmodel"))
    client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    version = client.create_model_version(name, logged.model_uri, run_id, tags=tags, model_id=logged.model_id)
    return int(version.version)
