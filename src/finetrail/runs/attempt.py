"""One attempt to train a candidate, in one or more starts: its identity, and the key of its MLflow run."""

import json
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
FREE = ("train.checkpoint_seconds", "train.workers", "train.processes", "train.fsdp", "train.seeds")
"""What changes no result of a training, or, as `processes` and `fsdp`, only how its sums are rounded."""


@dataclass(frozen=True)
class Attempt:
    """The content of attempt.json.

    Attributes:
        identity: all that the result depends on, by name: settings, hashes of data, code and weights.
        key: a tag of the MLflow run, made before the run is opened, so that no crash can separate the two.
        superseded: the keys of the runs that this attempt replaces.
        finished: whether its results were written.
    """

    identity: dict[str, str]
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    superseded: list[str] = field(default_factory=list)
    finished: bool = False


@dataclass(frozen=True)
class Opened:
    """An attempt. Attributes: resume: its newest checkpoint; None if training starts afresh."""

    attempt: Attempt
    resume: Checkpoint | None


def open_attempt(folder: Path, identity: dict[str, str], *, steps: int, length_matters: bool) -> Opened:
    """Continue the last attempt in this folder, or say why not and begin a new one.

    Args:
        folder: of one candidate; holds what a training needs to resume after a crash.
        steps: optimiser steps of the whole training.
        length_matters: whether the steps so far would differ in a longer or shorter training, as with a schedule that
            falls to 0 at its end.
    """
    before = _read(folder / "attempt.json")
    if before is None:
        return _begin(folder, identity, [])
    changes = {
        name: (before.identity.get(name), identity.get(name))
        for name in sorted(before.identity.keys() | identity.keys())
        if before.identity.get(name) != identity.get(name)
    }
    lengths = [name for name in changes if name in LENGTH]
    reasons = [name for name in changes if name not in FREE + LENGTH] or (lengths if length_matters else [])
    told = ", ".join(f"{name} was {changes[name][0]!r}, is {changes[name][1]!r}" for name in reasons)
    superseded = [before.key] if before.finished else [*before.superseded, before.key]
    if reasons and reasons == lengths:
        log.warning(
            "%s, and the steps so far depend on it: training starts over; with train.schedule constant or plateau, "
            "train.warmup in steps, and without swa it would resume",
            told,
        )
    elif reasons and not before.finished:
        log.warning("an earlier training of this candidate was interrupted, but %s: it starts over", told)
    if reasons or (before.finished and not lengths):
        return _begin(folder, identity, superseded)
    resume = Checkpoints(folder).newest()
    done = resume.state["fitted"]["step"] if resume else 0
    if done > steps:
        log.warning("%d steps were done, but only %d are wanted: training starts over", done, steps)
        return _begin(folder, identity, superseded)
    if done:
        log.warning("training resumes after step %d of %d", done, steps)
    # An MLflow run's settings cannot change, so changed settings need another run, with all points.
    attempt = replace(before, identity=identity, finished=False)
    if changes:
        attempt = replace(attempt, key=uuid.uuid4().hex, superseded=superseded)
    write_attempt(folder, attempt)
    return Opened(attempt, resume)


def write_attempt(folder: Path, attempt: Attempt) -> None:
    """Write attempt.json."""
    write_json(folder / "attempt.json", asdict(attempt))


def _begin(folder: Path, identity: dict[str, str], superseded: list[str]) -> Opened:
    shutil.rmtree(folder, ignore_errors=True)
    attempt = Attempt(identity, superseded=superseded)
    write_attempt(folder, attempt)
    return Opened(attempt, None)


def _read(path: Path) -> Attempt | None:
    if not path.exists():
        return None
    try:
        return Attempt(**read_json(path))
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError):
        log.warning("%s is damaged: training starts over", path)
        return None
