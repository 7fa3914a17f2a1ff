"""How a run's clone gets what others have, and gives what it made: DVC's cache and remote, with the run-cache."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from finetrail.programs.run import Ended
from flows.clones import Clone
from flows.tasks import UNAVAILABLE, Limits, as_task


def pull(clone: Clone, limits: Limits) -> State[Any]:
    """Get the user's own data and weights, and, from a remote, the list of results that need not be made again."""
    return as_task("pull", limits, limits.stage_minutes, _pull)(clone, return_state=True)


def push(clone: Clone, limits: Limits) -> State[Any]:
    """Give every result to the remote. If that fails they are still in the cache: the next run's push takes them."""
    return as_task("push", limits, limits.stage_minutes, _push)(clone, return_state=True)


def _pull(clone: Clone) -> State[Any]:
    tracked = sorted(str(path.relative_to(clone.root)) for path in (clone.root / "data").rglob("*.dvc"))
    if clone.has_remote:
        return _end("pull", clone.run("dvc", "pull", "--run-cache", *tracked, say=get_run_logger().info))
    if tracked:
        return _end("pull", clone.run("dvc", "checkout", *tracked, say=get_run_logger().info))
    return Completed(message="there is no remote, and nothing to fetch from the cache")


def _push(clone: Clone) -> State[Any]:
    if not clone.has_remote:
        return Completed(message="there is no remote; the results are in the cache")
    return _end("push", clone.run("dvc", "push", "--run-cache", say=get_run_logger().info))


def _end(what: str, ended: Ended) -> State[Any]:
    """DVC does not distinguish a missing network from a remote that refuses: both are tried again."""
    if ended.code == 0:
        return Completed()
    said = next((line for line in reversed(ended.lines) if line.startswith("ERROR")), "DVC gave no reason")
    kept = "; the results stay in the cache, and the next run pushes them" if what == "push" else ""
    return Failed(name=UNAVAILABLE, message=f"dvc {what} exited with {ended.code}: {said}{kept}")
