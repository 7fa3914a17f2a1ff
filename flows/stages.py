"""The stages as Prefect tasks: `dvc repro <stage>` in the run's clone, its lines live, its end as a state."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed
from ruamel.yaml import YAML

from finetrail.errors import TrackingError, UnreachableError
from finetrail.programs.run import Ended, run
from flows.artifacts import Logger, leave
from flows.clones import Clone
from flows.tasks import UNAVAILABLE, Limits, as_task

TO_SPLITS = ("ingest", "validate", "split")
"""The stages up to the splits."""
_MAY_PASS = {UnreachableError.exit_code, TrackingError.exit_code}
_SIGNALS = range(129, 129 + 64)
_EXITED = re.compile(r"exited with (-?\d+)")
_OWN_WORDS = re.compile(r"^(?:ERROR: )?\w+Error: .+$")
_CACHED = re.compile(r"^Stage '(?P<name>.+)' (?:didn't change, skipping|is cached - skipping run)")


def candidates_of(root: Path) -> list[str]:
    """The names of the candidates, in the order in which they are trained."""
    return list(_params(root)["candidates"])


def searched_of(root: Path) -> list[str]:
    """The names of the candidates that search."""
    return [name for name, one in _params(root)["candidates"].items() if one.get("search") is not None]


def assessments_of(root: Path) -> list[str]:
    """The names of the assessments that params.yaml asks for."""
    return list(_params(root).get("assess") or ())


def before_training(root: Path) -> list[str]:
    """The stages that every training needs, in order."""
    return [*TO_SPLITS, *(f"unlabelled@{name}" for name in _params(root).get("unlabelled") or ())]


def _params(root: Path) -> dict[str, Any]:
    params: dict[str, Any] = YAML(typ="safe").load((root / "params.yaml").read_text(encoding="utf-8"))
    return params


def restore(names: Sequence[str], clone: Clone) -> set[str]:
    """Have one DVC restore what it has, up to the first stage that would have to run. Returns: the stages restored.

    A DVC for each stage takes a second for each, which is most of a run that has nothing to do.
    """
    if clone.known_lock.exists():
        clone.run("dvc", "checkout", "--allow-missing", *names)
    refusing = clone.root / ".finetrail" / "restore"
    refusing.mkdir(parents=True)
    (refusing / "finetrail").write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    (refusing / "finetrail").chmod(0o755)
    environment = clone.environment | {"PATH": f"{refusing}{os.pathsep}{clone.environment['PATH']}"}
    try:
        ended = run(["dvc", "repro", *_pull(clone), *names], clone.root, environment)
    finally:
        shutil.rmtree(refusing)
    return {found["name"] for line in ended.lines if (found := _CACHED.match(line))}


def run_stage(name: str, clone: Clone, limits: Limits, *, restored: bool = False) -> State[Any]:
    """Run one stage as a task of its name, or find that DVC has its result. Returns: the task's final state.

    Args:
        restored: whether its result is in the clone already.
    """
    trains = name.startswith(("train@", "assess@"))  # some assessments train again and again
    minutes = limits.train_minutes if trains else limits.stage_minutes

    def stage() -> State[Any]:
        logger = get_run_logger()
        if restored:
            logger.info("DVC has restored the result")
            state = cached(name)
        else:
            with alone(clone.checkpoints.with_name(f"{clone.checkpoints.name}.{name}.lock"), logger):
                # The stages before it have just run in this clone: to check them again would take longer each time.
                command = ["dvc", "repro", "--single-item", *_pull(clone), name]
                state = describe(name, clone.run(*command, say=logger.info))
        if state.is_completed():
            leave(name, clone, logger)
        return state

    return as_task(name, limits, minutes, stage)(return_state=True)


def run_trials(name: str, clone: Clone, limits: Limits) -> State[Any]:
    """Carry out trials of a candidate's search, as a task, until there are none left. Returns: its final state."""

    def trials() -> State[Any]:
        return describe(f"trials of {name}", clone.run("finetrail", "trials", name, say=get_run_logger().info))

    return as_task(f"trials@{name}", limits, limits.train_minutes, trials)(return_state=True)


def _pull(clone: Clone) -> list[str]:
    return ["--pull"] if clone.has_remote else []


@contextmanager
def alone(path: Path, logger: Logger) -> Iterator[None]:
    """Wait until no other run on this machine does the same: it then finds the result in the cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("another run is doing the same; waiting for its result")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def cached(name: str) -> State[Any]:
    """The state of a stage that DVC has the result of."""
    return Completed(name="Cached", message=f"DVC has the result of {name}")


def describe(name: str, ended: Ended) -> State[Any]:
    """The state for a stage's end, with the stage's own last words as its message."""
    if ended.code == 0:
        skipped = any((found := _CACHED.match(line)) and found["name"] == name for line in ended.lines)
        return cached(name) if skipped else Completed()
    exited = [int(found[1]) for line in ended.lines if (found := _EXITED.search(line))]
    code = exited[-1] if exited else ended.code
    if code < 0 or code in _SIGNALS:
        killed = f"{name} was killed by signal {-code if code < 0 else code - 128}"
        return Failed(name=UNAVAILABLE, message=killed)
    words = [found[0].removeprefix("ERROR: ") for line in ended.lines if (found := _OWN_WORDS.match(line))]
    message = words[-1] if words else ended.lines[-1] if ended.lines else f"{name} exited with {code}"
    return Failed(name=UNAVAILABLE, message=message) if code in _MAY_PASS else Failed(message=message)
