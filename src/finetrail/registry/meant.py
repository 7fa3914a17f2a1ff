"""Which version of a registered model somebody means: the one of this workspace, the champion, or one that is named."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from finetrail.errors import ConfigError, LedgerError, RefusedError
from finetrail.registry.ledger import chain_of
from finetrail.registry.packing import fingerprint_of
from finetrail.registry.sealed import vouched
from finetrail.registry.versions import ALIASES, CHALLENGER, CHAMPION, Known, aliases, find, parse_address, versions
from finetrail.runs.mlflow_errors import tracking_errors
from finetrail.runs.tracking import Tracker, connect, insist
from finetrail.workspace import Workspace, read_json

OWN = "the version of this workspace"
_NAMES = "write a number, an alias, a candidate, or models:/NAME@ALIAS"


@dataclass(frozen=True)
class Meant:
    """A version, and why it is that one. Attributes: why: for people; empty where the version was named."""

    known: Known
    why: str = ""

    @property
    def said(self) -> str:
        """For people."""
        return f"{self.known.address}, {self.why}" if self.why else self.known.address


def own_version(workspace: Workspace, tracker: Tracker, project: str) -> Known:
    """The version that holds what this workspace registered.

    It is found by its content: DVC brings data/registration.json back with earlier or foreign results, and the number
    in it is the one of the registry where that content was registered first.

    Raises:
        RefusedError: the workspace has registered nothing, this registry has no such version, or the project has
            another name by now.
    """
    if not workspace.registration.exists():
        raise RefusedError("this workspace has not registered a version; run `dvc repro`, whose last stage does")
    written = read_json(workspace.registration)
    name, fingerprint = written["name"], written["fingerprint"]
    if name != project:
        raise RefusedError(f"data/registration.json registered {name!r}, but project is {project!r}; run `dvc repro`")
    found = _with_content(tracker, name, fingerprint)
    if found is None:
        raise RefusedError(
            f"the model of this workspace (fingerprint {fingerprint[:12]}) is not in this registry: it was registered "
            "in another one, or deleted; run `finetrail register`"
        )
    return found


def follow(workspace: Workspace, tracker: Tracker, project: str) -> str:
    """Give `challenger` to the version of this workspace, and say so; empty where nothing had to move.

    The alias moves when `register` runs, and DVC does not run it where it has the result already.
    """
    if not workspace.registration.exists() or workspace.original is not None:
        return ""
    try:
        known = own_version(workspace, tracker, project)
    except (LedgerError, RefusedError) as error:
        return str(error)
    before = aliases(tracker, known.name).get(CHALLENGER)
    if before == known.version:
        return ""
    with tracking_errors(tracker.uri):
        insist(partial(tracker.client.set_registered_model_alias, known.name, CHALLENGER, str(known.version)))
    return f"{CHALLENGER} follows this workspace: {known.address} (before: {before or 'none'})"


def meant(workspace: Workspace, tracker: Tracker, project: str, wanted: str | None, *, own: bool = False) -> Meant:
    """The version that somebody means.

    Args:
        wanted: a number, an alias, a models:/ address, or a candidate of this workspace; None for the default.
        own: the default is the version of this workspace, whatever others there are. Otherwise it is the champion,
            or else that version, or the challenger where the workspace has registered nothing.

    Raises:
        ConfigError: it is not such an address.
        RefusedError: there is no such version, or the default is that of the workspace, which has registered none.
    """
    if wanted is None:
        named = {} if own else aliases(tracker, project)
        if CHAMPION in named:
            return Meant(find(tracker, project, CHAMPION), "the champion")
        if CHALLENGER in named and not workspace.registration.exists():
            return Meant(find(tracker, project, CHALLENGER), "the challenger")
        return Meant(own_version(workspace, tracker, project), OWN)
    if ":" in wanted:
        return Meant(find(tracker, *parse_address(wanted, _NAMES)))
    if wanted in _candidates(workspace):
        found = _with_content(tracker, project, fingerprint_of(workspace.model(wanted)))
        if found is None:
            raise RefusedError(
                f"the model of candidate {wanted!r} is not registered: only the chosen one is; name a version"
            )
        return Meant(found, f"candidate {wanted}")
    return Meant(find(tracker, project, wanted))


def model_meant(workspace: Workspace, project: str, wanted: str | None) -> tuple[str, str]:
    """The models:/ address, or the folder, of the model that somebody means; and how to call it for people.

    Args:
        wanted: as for `meant`, or a folder. A candidate is its folder in data/models.

    Raises:
        ConfigError: it is no address, or a folder that does not exist.
        RefusedError: there is no such version.
    """
    if wanted is not None and ":" not in wanted:
        folder = workspace.model(wanted) if wanted in _candidates(workspace) else Path(wanted)
        if folder.is_dir():
            return str(folder), str(folder)
        if len(folder.parts) > 1:
            raise ConfigError(f"{wanted} is no folder; name one that holds a model, or {_NAMES.removeprefix('write ')}")
    found = meant(workspace, connect(workspace, project), project, wanted)
    return found.known.address, found.said


def _candidates(workspace: Workspace) -> set[str]:
    """The candidates that have a model here, and a name that means nothing else."""
    names = {folder.name for folder in workspace.models.glob("*/") if not folder.name.isdecimal()}
    return names - {*ALIASES}


def _with_content(tracker: Tracker, name: str, fingerprint: str) -> Known | None:
    """The version that was registered with this content, by its tags and by the ledger."""
    claims = [one for one in versions(tracker, name) if one.fingerprint == fingerprint]
    chain = chain_of(tracker, name) if claims else None
    return next((one for one in claims if chain is not None and vouched(chain, one)), None)
