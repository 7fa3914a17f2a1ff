"""One attempt to train a candidate, in one start or several: what it is of, and the key of its MLflow run."""

import logging
import shutil
import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from finetrail.training.checkpoints import Checkpoint, Checkpoints
from finetrail.workspace import read_json, write_json

log = logging.getLogger(__name__)

LENGTH = ("train.epochs", "train.max_steps")
"""Another length is the same training, longer or shorter, if the steps so far have not known of it."""
FREE = ("train.checkpoint_seconds", "train.workers", "train.processes", "train.fsdp")
"""What changes no result, or, as `processes` and `fsdp`, only how its sums are rounded."""


@dataclass(frozen=True)
class Attempt:
    """What attempt.json holds.

    Attributes:
        identity: all that the result depends on, by name: settings, hashes of data, code and weights.
        key: a tag of the MLflow run, thought out before it is opened, so that no crash can part the two.
        superseded: the keys of runs that this attempt takes the place of.
        finished: whether its results were written.
    """

    identity: dict[str, str]
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    superseded: list[str] = field(default_factory=list)
    finished: bool = False


@dataclass(frozen=True)
class Opened:
    """An attempt. Attributes: resume: its newest checkpoint; None where training starts afresh."""

    attempt: Attempt
    resume: Checkpoint | None


def open_attempt(folder: Path, identity: dict[str, str], *, length_matters: bool) -> Opened:
    """Go on with the attempt that was cut off here, or say why not and begin a new one.

    Args:
        folder: of one candidate; what a training leaves for the time after a crash.
        length_matters: whether the steps so far would have been others in a longer or shorter training, as with a
            schedule that goes down to 0 at its end.
    """
    path = folder / "attempt.json"
    before = Attempt(**read_json(path)) if path.exists() else None
    changes = _changes(before.identity, identity) if before else []
    free = (*FREE, *(() if length_matters else LENGTH))
    longer = [name for name in changes if name in LENGTH]
    reasons = [name for name in changes if name not in free]
    if before is not None and not reasons and (longer or not before.finished):
        attempt = replace(before, identity=identity)
        if longer:
            attempt = replace(attempt, key=uuid.uuid4().hex, superseded=[*before.superseded, before.key])
        write_attempt(folder, attempt)
        return Opened(attempt, Checkpoints(folder).newest())
    superseded: list[str] = []
    if before is not None and not before.finished:
        superseded = [*before.superseded, before.key]
        told = ", ".join(f"{name} was {before.identity.get(name)!r}, is {identity.get(name)!r}" for name in reasons)
        log.warning("a training of this candidate was cut off, but %s: it starts afresh", told)
    shutil.rmtree(folder, ignore_errors=True)
    attempt = Attempt(identity, superseded=superseded)
    write_attempt(folder, attempt)
    return Opened(attempt, None)


def write_attempt(folder: Path, attempt: Attempt, *, finished: bool = False) -> None:
    """Write attempt.json."""
    write_json(folder / "attempt.json", asdict(replace(attempt, finished=finished)))


def _changes(before: dict[str, str], now: dict[str, str]) -> list[str]:
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
