"""The links that MLflow holds: the registered files, the tags, the run and the ledger."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrail.errors import LedgerError, TrackingError
from finetrail.locations import sha256_of
from finetrail.proof.links import Checked, broken, compare, ok, unreachable
from finetrail.proof.record import NAME, WEIGHTS, Lineage
from finetrail.registry import sealed
from finetrail.registry.ledger import Ledger
from finetrail.registry.sealed import RESTORE, SEAL
from finetrail.registry.versions import FINGERPRINT, Known, fetch, where_stored
from finetrail.runs import hashes
from finetrail.runs.mlflow_errors import tracking_errors
from finetrail.runs.tracking import Tracker
from finetrail.workspace import read_json

RESTORE_DATABASE = "somebody changed MLflow's database: restore it from a backup"


@dataclass(frozen=True)
class Files:
    """The files of a registered version. Attributes: model: the folder that `train` wrote, if it is there."""

    root: Path
    model: Path | None
    document: Path | None


def download(tracker: Tracker, known: Known, into: Path) -> Files | None:
    """Download everything that MLflow keeps for the version; None if its store does not give it."""
    try:
        return _files(fetch(tracker, known, into))
    except TrackingError:  # the store has lost it, or does not answer
        return None


def find_files(tracker: Tracker, known: Known, into: Path) -> Files | None:
    """The same, to be read at once: in a store on this machine they are read where they are."""
    try:
        stored = where_stored(tracker, known)
    except TrackingError:
        return None
    if stored is None:
        return download(tracker, known, into)
    return _files(stored) if stored.is_dir() else None


def _files(root: Path) -> Files:
    models = sorted(root.glob("artifacts/*/model.json"))
    document = root / "artifacts" / NAME
    return Files(root, models[0].parent if models else None, document if document.exists() else None)


def read_lineage(known: Known, files: Files) -> tuple[Checked, Lineage | None]:
    """lineage.json, if it is the one that was registered."""
    tag = known.tags.get(SEAL)
    if tag is None:
        remedy = "it was registered by an earlier finetrail, or by hand: train and register it again"
        return unreachable("lineage", f"{known.address} has no tag {SEAL}", remedy), None
    if files.document is None:
        return broken("lineage", f"no {NAME} among the registered files", f"sha256 {tag[:16]}", RESTORE), None
    checked = compare("lineage", sha256_of(files.document), tag, f"{NAME} of {known.address}", RESTORE)
    if checked.state != "OK":
        return checked, None
    return checked, Lineage.from_json(read_json(files.document))


def check_files(known: Known, files: Files, recorded: Lineage | None) -> Iterator[Checked]:
    """Check all registered files against their seal, and the weights and code among them."""
    if recorded is not None:
        yield _check_seal(known, files)
    found = None if files.model is None else hashes.hash_folder(files.model)
    where = f"the files of {known.address}"
    yield compare("registered weights", found, known.fingerprint, where, RESTORE)
    if recorded is not None:
        expected = recorded.link(WEIGHTS).sha256 or ""
        yield compare("fingerprint", known.fingerprint, expected, f"tag {FINGERPRINT}", RESTORE_DATABASE)
        package = files.root / "code" / "finetrail"
        code = hashes.hash_code(package) if package.is_dir() else None
        yield compare("registered code", code, recorded.link("code").sha256 or "", where, RESTORE)


def _check_seal(known: Known, files: Files) -> Checked:
    changed = list(sealed.changes(files.root, known.tags[SEAL]))
    if changed:
        more = f", and {len(changed) - 1} more" if len(changed) > 1 else ""
        return broken("registered files", f"{changed[0]}{more}", f"those that {NAME} lists", RESTORE)
    if compiled := sorted(files.root.rglob(sealed.COMPILED)):
        found = f"compiled code beside the registered files: {compiled[0].relative_to(files.root)}"
        return unreachable("registered files", found, "remove it: Python and MLflow write it when the model is loaded")
    return ok("registered files", f"{len(read_json(files.root / sealed.DOCUMENT)[sealed.FILES])} as in {NAME}")


def check_tags(known: Known, recorded: Lineage) -> Checked:
    """Check what the version's tags say."""
    for name, expected in recorded.tags.items():
        if known.tags.get(name) != expected:
            return broken("tags", f"{name} is {known.tags.get(name)!r}", repr(expected), RESTORE_DATABASE)
    return ok("tags", f"{len(recorded.tags)} of {known.address} as in {NAME}")


def check_run(tracker: Tracker, known: Known, recorded: Lineage) -> Checked:
    """Check that the run exists, is the one that trained the model or a copy of it, and says the same."""
    from mlflow.exceptions import MlflowException

    remedy = "run `finetrail register`: it rebuilds a missing run from data/runs"
    try:
        run = tracker.client.get_run(known.run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            with tracking_errors(tracker.uri):
                raise
        return broken("run", f"MLflow has no run {known.run_id}", "the run that trained it", remedy)
    if run.info.lifecycle_stage != "active":
        return broken("run", f"{known.run_id} was deleted", "the run that trained it", "restore it in MLflow")
    trained = {run.info.run_id, run.data.tags.get("finetrail.rebuilt_from")}
    if recorded.run_id not in trained:
        return broken("run", f"{known.run_id} is another run", recorded.run_id, RESTORE_DATABASE)
    differs = next(_differences(run, recorded), None)
    if differs is not None:
        name, found, expected = differs
        return broken("run", f"{name} of {known.run_id} is {found!r}", repr(expected), RESTORE_DATABASE)
    return ok("run", f"{known.run_id}: {len(recorded.params)} settings, data sets and test scores as in {NAME}")


def _differences(run: Any, recorded: Lineage) -> Iterator[tuple[str, object, object]]:
    yield from _unlike("setting ", dict(run.data.params), recorded.params)
    digests = {entry.dataset.name: entry.dataset.digest for entry in run.inputs.dataset_inputs}
    yield from _unlike("data set ", digests, {data["name"]: data["digest"] for data in recorded.datasets})
    for name, expected in recorded.scores.items():
        found = run.data.metrics.get(f"test_{name}")
        # A run that was rebuilt from files has no test scores before `test` has run again.
        if found is not None and abs(found - expected) > 1e-9:
            yield f"metric test_{name}", found, expected


def _unlike(what: str, found: Mapping[str, str], expected: Mapping[str, str]) -> Iterator[tuple[str, object, object]]:
    for name in sorted(set(found) | set(expected)):
        if found.get(name) != expected.get(name):
            yield what + name, found.get(name), expected.get(name)


def check_ledger(ledger: Ledger, known: Known, recorded: Lineage) -> Checked:
    """Check the scoring of the model on the test split against the ledger."""
    try:
        chain = ledger.read()
    except LedgerError as error:
        return broken("ledger", str(error).partition("; ")[0], "an intact chain", RESTORE_DATABASE)
    except TrackingError as error:
        return unreachable("ledger", str(error).partition("; ")[0], "correct MLFLOW_TRACKING_URI")
    scored = [entry for entry in chain.entries if (entry.kind, entry.model) == ("scoring", known.fingerprint)]
    if not sealed.vouched(chain, known):
        found = f"it has no registration of {known.address} as it is tagged"
        return broken("ledger", found, "an entry from before the version", RESTORE_DATABASE)
    if not scored:
        return unreachable("ledger", "it has no scoring of this model", "run `dvc repro --force --single-item test`")
    answers = recorded.link("test answers").sha256
    if answers not in {entry.facts.get("answers_sha256") for entry in scored}:
        found = f"its {len(scored)} scorings of this model are for other answers"
        return broken("ledger", found, f"sha256 {(answers or '')[:16]}", RESTORE_DATABASE)
    return ok("ledger", f"{len(chain.entries)} entries, the test answers among them")
