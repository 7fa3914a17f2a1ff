"""The order of a run: clone, pull what others have, run the stages, push what this run made."""

from collections.abc import Callable, Sequence
from typing import Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from finetrail.errors import FinetrailError
from flows.clones import Clone, fresh_clone
from flows.exchange import pull, push
from flows.locks import keep_lock
from flows.parameters import Text
from flows.places import Places
from flows.stages import restore, run_stage
from flows.tasks import Limits


def work_in_clone(
    git_ref: Text, recipe: Text | None, limits: Limits, work: Callable[[Clone], State[Any]]
) -> State[Any]:
    """Do `work` in a fresh clone, between a pull and a push; returns the state of the first that fails, or of `work`.

    If a stage fails, the results of those before it are pushed all the same.
    """
    try:
        with fresh_clone(Places.from_environment(), git_ref, recipe) as clone:
            get_run_logger().info("commit %s in %s", clone.commit[:12], clone.root)
            pulled = pull(clone, limits)
            if pulled.is_failed():
                return Failed(message=pulled.message)
            done = work(clone)
            pushed = push(clone, limits)
            return Failed(message=pushed.message) if done.is_completed() and pushed.is_failed() else done
    except FinetrailError as error:
        return Failed(message=f"{type(error).__name__}: {error}")


def run_stages(names: Sequence[str], clone: Clone, limits: Limits) -> State[Any]:
    """Run stages in order, up to the first that fails."""
    cached, restored = 0, restore(names, clone)
    for name in names:
        state = run_stage(name, clone, limits, restored=name in restored)
        if not state.is_completed():
            return Failed(message=state.message)
        cached += state.name == "Cached"
    keep_lock(clone.root, clone.known_lock)
    return Completed(message=f"{len(names)} stages, {cached} of them cached")
