"""The trainings of a run on other workers: a run of the deployment `candidate` for each."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, cast

from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.states import Completed, Failed

from flows.clones import Clone
from flows.exchange import pull, push
from flows.tasks import Limits

DEPLOYMENT = "candidate/candidate"


def train_elsewhere(names: Sequence[str], clone: Clone, recipe: str | None, limits: Limits) -> State[Any]:
    """Have each candidate trained by a run of its own, all at once, and get what they made.

    They have nothing in common with this run but the commit and DVC: its cache, or its remote with the run-cache.
    """
    given = push(clone, limits)  # so that none of them divides the data again
    if given.is_failed():
        return Failed(message=given.message)

    def train(name: str) -> FlowRun:
        asked = {"name": name, "git_ref": clone.commit, "recipe": recipe, "limits": limits.model_dump()}
        return cast(FlowRun, run_deployment(DEPLOYMENT, parameters=asked, flow_run_name=name, timeout=None))

    with ThreadPoolExecutor(len(names)) as threads:
        running = [threads.submit(copy_context().run, train, name) for name in names]
        ended = {name: one.result().state for name, one in zip(names, running, strict=True)}
    failed = [f"{name}: {state.message if state else 'no state'}" for name, state in ended.items() if not _well(state)]
    if failed:
        return Failed(message="; ".join(failed))
    taken = pull(clone, limits)
    return Failed(message=taken.message) if taken.is_failed() else Completed()


def _well(state: State[Any] | None) -> bool:
    return state is not None and state.is_completed()
