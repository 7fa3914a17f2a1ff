"""The MLflow model registry: a version for each content, sealed, and the alias `challenger`."""

import importlib.metadata
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import finetrail
from finetrail.errors import TrackingError
from finetrail.registry.chain import Chain
from finetrail.registry.ledger import Ledger
from finetrail.registry.sealed import SEAL, fetch_model, seal
from finetrail.registry.versions import CHALLENGER, FINGERPRINT, Known, versions
from finetrail.runs import hashes
from finetrail.runs.mlflow_errors import tracking_errors
from finetrail.runs.tracking import Tracker
from finetrail.serving.answer_types import mlflow_type

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.types import ParamSchema, Schema

ROUND_TRIP = "finetrail.round_trip"
SAME_NUMBER = "finetrail.same_number"
"""The metric on validation rows, at each place where it was computed before the version was made."""
log = logging.getLogger(__name__)
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
        lineage: the content of the lineage.json that travels with it, and lists its files; given the tags of `prove`.
        prove: takes the packed model's folder before it is registered; raises to refuse it, or returns what it found,
            as tags, which enter the lineage too.
        description: for people, as Markdown.
    """

    tags: Mapping[str, str] = field(default_factory=dict)
    lineage: Callable[[Mapping[str, str]], Mapping[str, Any]] = dict
    prove: Callable[[Path], Mapping[str, str]] | None = None
    description: str = ""


@dataclass(frozen=True)
class Packing:
    """What a task defines for its registered model.

    Attributes:
        example: one row as a caller will send it, by column.
        sent: the types of the columns that callers send, where these are not those of `example`, all of them strings;
            see `finetrail.contents.content.Content`.
        answers: the columns of its answers, and their types; see `finetrail.serving.answer_types`.
        requirements: packages that it imports besides `REQUIREMENTS`.
        options: what a caller may ask for beside the rows: MLflow's type and the default of each.
        more: the columns that options add to the answers, and their types.
        streams: whether it can tell an answer piece by piece.
    """

    example: Mapping[str, Any]
    answers: Mapping[str, str]
    requirements: Sequence[str] = ()
    sent: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)
    streams: bool = False


def register(
    ledger: Ledger,
    run_id: str,
    *,
    model: Path,
    packing: Packing,
    tags: dict[str, str],
    birth: Birth | None = None,
    challenges: bool = True,
) -> Version:
    """Register a model folder as a version, unless its content has one already.

    Args:
        ledger: of the registered model; it gets an entry before a new version is made.
        run_id: the run that trained the model.
        model: a folder that a task's `save` wrote.
        packing: what its task defines for it.
        tags: set on the version, new or not.
        challenges: it gets the alias `challenger`.

    Raises:
        LedgerError: the ledger is not what it was.
        TrackingError: the registry does not answer.
        RoundTripError: `birth.prove` refuses the packed model; nothing is registered then.
    """
    birth = birth or Birth()
    tracker, name, fingerprint = ledger.tracker, ledger.name, fingerprint_of(model)
    number = _find(ledger, fingerprint)
    new = number is None
    # The run's tags may hold a fingerprint too, of its training inputs; a version is found by its own content.
    tags = {**tags, FINGERPRINT: fingerprint}
    if number is None:
        with TemporaryDirectory(prefix="finetrail-packed-") as temporary:
            folder = Path(temporary) / "model"
            _pack(folder, model, packing)
            proved = birth.prove(folder) if birth.prove is not None else {}
            tags = {**birth.tags, **tags, **proved}
            with tracking_errors(tracker.uri):
                logged = _log(tracker, run_id, folder)
                tags[SEAL] = seal(folder, birth.lineage(proved))
                number = _make(ledger, run_id, logged, folder, tags=tags, description=birth.description)
    with tracking_errors(tracker.uri):
        if not new:  # a new one was made with its tags
            for key, value in tags.items():
                tracker.client.set_model_version_tag(name, str(number), key, value)
        if challenges:
            tracker.client.set_registered_model_alias(name, CHALLENGER, str(number))
    return Version(name, number, fingerprint, new)


def _find(ledger: Ledger, fingerprint: str) -> int | None:
    """The version that holds this content, going by its files: a tag can be copied."""
    chain = ledger.read()
    claims = [one for one in versions(ledger.tracker, ledger.name) if one.fingerprint == fingerprint]
    return next((one.version for one in claims if _is_whole(ledger, chain, one)), None)


def _is_whole(ledger: Ledger, chain: Chain, known: Known) -> bool:
    with TemporaryDirectory(prefix="finetrail-known-") as temporary:
        try:
            fetch_model(ledger, chain, known, Path(temporary) / "version")
        except TrackingError as error:
            log.warning("%s is not taken for this model: %s", known.address, str(error).partition(";")[0])
            return False
        return True


def _pack(folder: Path, model: Path, packing: Packing) -> None:
    """Write the folder that is registered: the model's files, finetrail's code, and the columns that go in and out."""
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import ModelSignature

    package = Path(finetrail.__file__).parent
    mlflow.pyfunc.save_model(
        path=str(folder),
        python_model=str(package / "serving" / "served.py"),
        artifacts={"model": str(model)},
        code_paths=[str(package)],
        # Given here, because MLflow would load the whole model to infer it. Images are strings too:
        # base64 in a request. MLflow lets bytes pass in a column of strings, but takes a string in a column of
        # `binary` for base64 without checking it, so a path would become a damaged image.
        signature=ModelSignature(
            _schema(packing.sent or dict.fromkeys(packing.example, "string")),
            _schema({**packing.answers, **{name: f"{kind}?" for name, kind in packing.more.items()}}),
            _params(packing.options),
        ),
        streamable=packing.streams,
        pip_requirements=[
            f"{part}=={importlib.metadata.version(part).split('+')[0]}"
            for part in (*REQUIREMENTS, *packing.requirements)
        ],
        input_example=pd.DataFrame([dict(packing.example)]),
    )


def _schema(columns: Mapping[str, str]) -> "Schema":
    """The types of columns for MLflow; a row may lack one whose type ends in `?`."""
    from mlflow.types import ColSpec, Schema

    return Schema(
        [
            ColSpec(mlflow_type(kind.removesuffix("?")), column, required=not kind.endswith("?"))
            for column, kind in columns.items()
        ]
    )


def _params(options: Mapping[str, tuple[str, Any]]) -> "ParamSchema | None":
    from mlflow.types import ParamSchema, ParamSpec

    found = [ParamSpec(name, kind, default) for name, (kind, default) in options.items()]
    return ParamSchema(found) if found else None


def _log(tracker: Tracker, run_id: str, folder: Path) -> "LoggedModel":
    """Make a logged model for the packed folder, and write its ids into MLmodel.

    MLflow's own `log_model` would pack again, and load the model into this process to try its example. This registers
    the very files that were proven in a separate process.
    """
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    client = tracker.client
    run = client.get_run(run_id)
    logged = client.create_logged_model(
        run.info.experiment_id, name="model", source_run_id=run_id, params=run.data.params
    )
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    described = Model.load(folder)
    # Where things lay on this machine is nobody's business, and would be another after each registration.
    flavor = described.flavors["python_function"]
    flavor["artifacts"]["model"]["uri"] = flavor["artifacts"]["model"]["path"]
    flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    described.run_id, described.model_id, described.model_uuid = run_id, logged.model_id, logged.model_id
    described.artifact_path = logged.model_uri
    described.save(str(folder / "MLmodel"))
    return logged


def _make(
    ledger: Ledger, run_id: str, logged: "LoggedModel", folder: Path, *, tags: Mapping[str, str], description: str
) -> int:
    """Upload the sealed folder, enter it in the ledger, and make a version of it."""
    client, name = ledger.tracker.client, ledger.name
    client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    ledger.enter(
        "registration",
        model=tags[FINGERPRINT],
        facts={"lineage_sha256": tags[SEAL], "run_id": run_id, "source": logged.model_uri},
        verdict=f"{sum(path.is_file() for path in folder.rglob('*'))} files sealed",
    )
    version = client.create_model_version(
        name, logged.model_uri, run_id, tags=dict(tags), description=description, model_id=logged.model_id
    )
    return int(version.version)
