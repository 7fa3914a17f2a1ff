"""The seal of a version: its lineage.json lists the sha256 of every file that was registered with it.

The sha256 of lineage.json itself is a tag of the version, and in an entry of the ledger that is written before it.
Whatever is edited, added or removed in MLflow's store afterwards shows before anything of it is loaded.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from finetrail.errors import TrackingError
from finetrail.locations import sha256_of
from finetrail.registry.chain import Chain
from finetrail.registry.ledger import Ledger
from finetrail.registry.versions import Known, fetch, where_stored
from finetrail.runs.hashes import hash_files
from finetrail.workspace import read_json, write_json

DOCUMENT = "artifacts/lineage.json"
_MODEL = "artifacts/*/model.json"
SEAL = "finetrail.lineage_sha256"
FILES = "files"
COMPILED = "__pycache__"
# As Python writes the one, MLflow writes the other into a store on this machine when somebody loads a model from it.
_ADDED_BY_MLFLOW = "registered_model_meta"
RESTORE = "restore MLflow's artifacts from a backup, or register the model again with `finetrail register`"


def seal(folder: Path, lineage: Mapping[str, Any]) -> str:
    """Write lineage.json into a folder that is otherwise complete; returns its sha256."""
    drop_compiled(folder)
    write_json(folder / DOCUMENT, {**lineage, FILES: _hashes(folder)})
    return sha256_of(folder / DOCUMENT)


def vouched(chain: Chain, known: Known) -> bool:
    """Whether the ledger has a registration of this content with the seal that the version bears.

    Tags are a claim: anybody who may write to the registry can copy them to other files.
    """
    claim = {"lineage_sha256": known.tags.get(SEAL), "source": known.source}
    return any(
        one.kind == "registration" and one.model == known.fingerprint and claim.items() <= one.facts.items()
        for one in chain.entries
    )


def changes(folder: Path, sha256: str | None, stored: Path | None = None) -> Iterator[str]:
    """What a version's files are, other than what was sealed, for people; none if all are.

    Args:
        folder: all that MLflow's store has for the version.
        sha256: the seal.
        stored: what `folder` lacks is read here.
    """
    document = folder / DOCUMENT
    if not document.is_file() or sha256_of(document) != sha256:
        yield f"{DOCUMENT} {'was altered' if document.is_file() else 'is missing'}"
        return
    sealed, found = read_json(document).get(FILES), _hashes(*filter(None, (stored, folder)))
    if sealed is None:
        yield f"{DOCUMENT} lists no files: an earlier finetrail registered it"
        return
    for name in sorted({*sealed, *found}):
        if sealed.get(name) != found.get(name):
            yield f"{name} {'is missing' if name not in found else 'was altered' if name in sealed else 'was added'}"


def fetch_sealed(ledger: Ledger, chain: Chain, known: Known, into: Path) -> Path:
    """Download all files of a version, and check them against its seal; creates `into`.

    Raises:
        TrackingError: the ledger has no such registration, or a file is not what was registered; the message names it.
    """
    _require_vouched(chain, known)
    folder = fetch(ledger.tracker, known, into)
    drop_compiled(folder)
    _require_sealed(known, folder)
    return folder


def fetch_model(ledger: Ledger, chain: Chain, known: Known, into: Path) -> Path:
    """Download the folder that `train` wrote, and check all files of its version against its seal; creates `into`.

    From a store on this machine it copies that folder alone; hundreds of files of code are read where they are.

    Raises:
        TrackingError: as for `fetch_sealed`.
    """
    stored = where_stored(ledger.tracker, known)
    if stored is None or not (stored / DOCUMENT).is_file():
        return model_of(fetch_sealed(ledger, chain, known, into))
    _require_vouched(chain, known)
    part = PurePosixPath(DOCUMENT).parent
    shutil.copytree(stored / part, into / part)
    drop_compiled(into)
    _require_sealed(known, into, stored)
    return model_of(into)


def _require_vouched(chain: Chain, known: Known) -> None:
    if not vouched(chain, known):
        raise TrackingError(
            f"the ledger of {known.name!r} has no registration of {known.address} as it is tagged: it was registered "
            "by hand, or its tags were edited; register the model with `finetrail register`"
        )


def _require_sealed(known: Known, folder: Path, stored: Path | None = None) -> None:
    for change in changes(folder, known.tags[SEAL], stored):
        raise TrackingError(f"{known.address} is not what was registered: {change}; {RESTORE}")
    if _fingerprint(read_json(folder / DOCUMENT)[FILES]) != known.fingerprint:
        raise TrackingError(f"{known.address} is not what was registered: its tags name another model; {RESTORE}")


def drop_compiled(folder: Path) -> None:
    """Remove what Python compiled when it loaded the code; it compiles again what it runs."""
    for compiled in [*folder.rglob(COMPILED)]:
        shutil.rmtree(compiled)


def model_of(folder: Path) -> Path:
    """The folder that `train` wrote, inside the files of a version that were checked."""
    return next(folder.glob(_MODEL)).parent


def _fingerprint(files: Mapping[str, str]) -> str:
    """What `hash_folder` gives for the folder that `train` wrote, from hashes that were compared already."""
    paths = {PurePosixPath(name): sha256 for name, sha256 in files.items()}
    at = next((path.parent for path in paths if path.match(_MODEL)), PurePosixPath("none"))
    return hash_files({path.relative_to(at): sha256 for path, sha256 in paths.items() if path.is_relative_to(at)})


def _hashes(*folders: Path) -> dict[str, str]:
    """The sha256 of every file by its path, but for lineage.json itself and what loading adds.

    Args:
        folders: of a file that several have, that in the last one counts.
    """
    names = {
        path.relative_to(folder).as_posix(): path for folder in folders for path in folder.rglob("*") if path.is_file()
    }
    return {
        name: sha256_of(path)
        for name, path in sorted(names.items())
        if name not in (DOCUMENT, _ADDED_BY_MLFLOW) and COMPILED not in path.parts
    }
