"""`finetrail verify`: a registered version, and every link back to its source."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from finetrail.config import load_params
from finetrail.errors import LedgerError, RefusedError
from finetrail.proof.links import Checked, State
from finetrail.proof.walk import walk
from finetrail.registry.meant import Meant, meant
from finetrail.registry.versions import CHALLENGER, Known, aliases, find
from finetrail.runs import tracking
from finetrail.runs.record import settings_of as recorded_settings
from finetrail.workspace import Workspace


@dataclass(frozen=True)
class Verified:
    """The links that were checked so far."""

    known: Known
    links: tuple[Checked, ...]

    def count(self, state: State) -> int:
        """The links in that state."""
        return sum(link.state == state for link in self.links)

    def as_json(self) -> dict[str, object]:
        """The content of the file that --json names."""
        return {
            "version": self.known.address,
            "fingerprint": self.known.fingerprint,
            "links": [link.as_json() for link in self.links],
            "ok": self.count("OK"),
            "broken": self.count("BROKEN"),
            "unreachable": self.count("UNREACHABLE"),
        }


def choose(workspace: Workspace, tracker: tracking.Tracker, project: str, version: str | None) -> Meant:
    """The version that is meant; the challenger where that of the workspace cannot be found.

    Why it cannot, such as a broken ledger, may be what is to be found out.

    Raises:
        ConfigError: it is no version's name.
        RefusedError: there is no such version.
    """
    try:
        return meant(workspace, tracker, project, version)
    except (LedgerError, RefusedError):
        if version is not None or CHALLENGER not in aliases(tracker, project):
            raise
        return Meant(find(tracker, project, CHALLENGER), "the challenger")


def verify(workspace: Workspace, tracker: tracking.Tracker, known: Known) -> Iterator[Checked]:
    """Each link as it is checked."""
    return walk(workspace, tracker, known, settings_of)


def settings_of(params: Path, candidate: str, recorded: Mapping[str, str]) -> dict[str, str]:
    """What `train` records of a candidate, from a params.yaml; empty where that has no such candidate.

    Args:
        recorded: what it did record; what a search left open is taken from there, where it could have found it.
    """
    read = load_params(params)
    if candidate not in read.candidates:
        return {}
    chosen = read.candidates[candidate]
    chosen = chosen.at(chosen.space.point_of(recorded)) if chosen.search else chosen
    identity = read.task.task.identity
    return recorded_settings(identity, read.seed, chosen)
