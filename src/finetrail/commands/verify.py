"""`finetrail verify`: a registered version, and every link back to its source."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from finetrail.config import load_params
from finetrail.proof.links import Checked, State
from finetrail.proof.walk import walk
from finetrail.registry.packing import CHALLENGER
from finetrail.registry.versions import CHAMPION, Known, aliases, find, parse_address
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


def choose(workspace: Workspace, project: str, version: str | None) -> tuple[tracking.Tracker, Known]:
    """Find the version that the user means.

    Args:
        version: a number, an alias or a models:/ address; None is the champion, or the challenger while there is none.

    Raises:
        ConfigError: it is not such an address.
        RefusedError: there is no such version.
    """
    name = project
    if version is not None and ":" in version:
        name, version = parse_address(version, "write a number, an alias, or models:/NAME@ALIAS")
    tracker = tracking.connect(workspace, project)
    if version is None:
        version = CHAMPION if CHAMPION in aliases(tracker, name) else CHALLENGER
    return tracker, find(tracker, name, version)


def verify(workspace: Workspace, tracker: tracking.Tracker, known: Known) -> Iterator[Checked]:
    """Each link as it is checked."""
    return walk(workspace, tracker, known, settings_of)


def settings_of(params: Path, candidate: str) -> dict[str, str]:
    """What `train` records of a candidate, from a params.yaml; empty where that has no such candidate."""
    read = load_params(params)
    if candidate not in read.candidates:
        return {}
    chosen = read.candidates[candidate]
    identity = read.task.task.identity
    return recorded_settings(identity, read.seed, chosen.backbone, chosen.adaptation, chosen.train)
