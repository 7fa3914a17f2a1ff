"""The versions of a registered model, as its registry has them: found, listed, downloaded, and their aliases."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from finetrail.errors import ConfigError, RefusedError
from finetrail.registry.chain import Aliases
from finetrail.runs.mlflow_errors import tracking_errors
from finetrail.runs.tracking import Tracker, insist

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

FINGERPRINT = "finetrail.fingerprint"
CHAMPION = "champion"
CHALLENGER = "challenger"
PREVIOUS = "previous"
_ADDRESS = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")
ALIASES = (CHAMPION, CHALLENGER, PREVIOUS)


@dataclass(frozen=True)
class Known:
    """A version in the registry. Attributes: created: seconds since 1970; source: where MLflow has its files."""

    name: str
    version: int
    run_id: str
    fingerprint: str
    created: float
    source: str
    tags: Mapping[str, str]

    @property
    def address(self) -> str:
        return f"models:/{self.name}/{self.version}"


def parse_address(address: str, remedy: str) -> tuple[str, str]:
    """The name and the version or alias in `models:/NAME/VERSION` or `models:/NAME@ALIAS`.

    Raises:
        ConfigError: it is no such address.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ConfigError(f"{address!r} is not a model address; {remedy}")
    return match["name"], match["alias"] or match["version"]


def aliases(tracker: Tracker, name: str) -> dict[str, int]:
    """The version of each alias; empty where nothing is registered."""
    from mlflow.exceptions import MlflowException

    with tracking_errors(tracker.uri):
        try:
            found = tracker.client.get_registered_model(name).aliases
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return {}
    return {alias: int(version) for alias, version in found.items()}


def moved_aliases(tracker: Tracker, name: str) -> Aliases:
    """The aliases that promotion and rollback move."""
    found = aliases(tracker, name)
    return Aliases(found.get(CHAMPION), found.get(PREVIOUS))


def set_aliases(tracker: Tracker, name: str, wanted: Aliases) -> None:
    """Move `previous` and then `champion`, each in one step: a reader of `champion` sees the old or the new version."""
    with tracking_errors(tracker.uri):
        for alias, version in ((PREVIOUS, wanted.previous), (CHAMPION, wanted.champion)):
            if version is not None:
                insist(partial(tracker.client.set_registered_model_alias, name, alias, str(version)))


def versions(tracker: Tracker, name: str) -> list[Known]:
    """All versions, the newest first."""
    found, token = [], None
    with tracking_errors(tracker.uri):
        while True:
            page = tracker.client.search_model_versions(f"name = '{name}'", 1000, ["version_number DESC"], token)
            found += [_known(one) for one in page]
            token = page.token
            if not token:
                return found


def find(tracker: Tracker, name: str, wanted: str) -> Known:
    """A version by its number or one of its aliases.

    Raises:
        RefusedError: there is none; the message lists those that exist.
    """
    named = aliases(tracker, name)
    known = {one.version: one for one in versions(tracker, name)}
    number = int(wanted) if wanted.isdecimal() else named.get(wanted)
    if number in known:
        return known[number]
    if not known:
        raise RefusedError(f"no version of {name!r} is registered; run `dvc repro`")
    listed = ", ".join([*map(str, sorted(known)), *sorted(named)])
    raise RefusedError(f"{name!r} has no version {wanted!r}; it has {listed}")


def fetch(tracker: Tracker, version: Known, into: Path, part: str = "") -> Path:
    """Download the files of a version, or one folder of them, unchecked; creates `into`. See also `sealed`.

    Raises:
        TrackingError: its store lacks them, or does not answer.
    """
    from mlflow.artifacts import download_artifacts

    into.mkdir(parents=True)
    with tracking_errors(tracker.uri):
        address = f"{_address(tracker, version)}/{part}".rstrip("/")
        # MLflow copies a store on this machine too, file by file in threads: a second or two for 900 of them.
        if (stored := _on_this_machine(address)) is not None:
            return _copy(stored, into)
        return Path(download_artifacts(artifact_uri=address, dst_path=str(into), tracking_uri=tracker.uri))


def where_stored(tracker: Tracker, version: Known) -> Path | None:
    """The folder in which MLflow's store has the files of a version; None where that is not on this machine.

    Raises:
        TrackingError: the registry does not answer.
    """
    with tracking_errors(tracker.uri):
        return _on_this_machine(_address(tracker, version))


def _address(tracker: Tracker, version: Known) -> str:
    address: str = tracker.client.get_model_version_download_uri(version.name, str(version.version))
    return address.rstrip("/")


def _on_this_machine(address: str) -> Path | None:
    from mlflow.utils.file_utils import local_file_uri_to_path
    from mlflow.utils.uri import is_local_uri

    local = is_local_uri(address, is_tracking_or_registry_uri=False)
    return Path(local_file_uri_to_path(address)) if local else None


def _copy(source: Path, into: Path) -> Path:
    if source.is_dir():
        return Path(shutil.copytree(source, into, dirs_exist_ok=True))
    return Path(shutil.copy(source, into))


def _known(one: "ModelVersion") -> Known:
    tags = dict(one.tags)
    return Known(
        name=one.name,
        version=int(one.version),
        run_id=one.run_id,
        fingerprint=tags.get(FINGERPRINT, ""),
        created=one.creation_timestamp / 1000,
        source=one.source,
        tags=tags,
    )
