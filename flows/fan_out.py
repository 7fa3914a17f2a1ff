"""The trainings of a run on other workers: a run of the deployment `candidate` for each."""

import time
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.states import Cancelling, Completed, Failed

from finetrail.errors import ConfigError
from flows.clones import Clone
from flows.exchange import pull, push
from flows.parameters import Text
from flows.tasks import Limits

_PAUSE = 2.0
"""Seconds between two polls of the runs."""


def check_deployment(deployment: str) -> None:
    """Check before anything runs. Raises: ConfigError: the server knows no deployment of that name."""
    with get_client(sync_client=True) as client:
        try:
            client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            raise ConfigError(
                f"fan_out is {deployment!r}: there is no such deployment; run `prefect deploy --all` first"
            ) from None


def train_elsewhere(
    deployment: str, names: Sequence[str], clone: Clone, recipe: Text | None, limits: Limits
) -> State[Any]:
    """Have each candidate trained by a run of its own, all at once, and get what they made.

    They share only the commit and DVC with this run: its cache, or its remote with the run-cache. If this run is
    cancelled, so are they.

    Args:
        deployment: of the flow `candidate`, such as `candidate/candidate`.
    """
    given = push(clone, limits)  # so that none of them splits the data again
    if given.is_failed():
        return Failed(message=given.message)

    def start(name: str) -> UUID:
        asked = {"name": name, "git_ref": clone.commit, "recipe": recipe, "limits": limits.model_dump()}
        run = cast(FlowRun, run_deployment(deployment, parameters=asked, flow_run_name=name, timeout=0))
        return run.id

    with get_client(sync_client=True) as client:
        running: dict[str, UUID] = {}
        try:
            for name in names:
                running[name] = start(name)
            failed = _wait(client, running, start, limits.retries)
        except BaseException:
            for run in running.values():
                client.set_flow_run_state(run, Cancelling(), force=True)
            raise
    if failed:
        return Failed(message="; ".join(failed))
    taken = pull(clone, limits)
    return Failed(message=taken.message) if taken.is_failed() else Completed()


def _wait(client: SyncPrefectClient, running: dict[str, UUID], start: Any, retries: int) -> list[str]:
    """Wait until all have ended, and restart one whose worker died. Returns what went wrong."""
    logger = get_run_logger()
    failed = []
    again = dict.fromkeys(running, retries)
    while running:
        time.sleep(_PAUSE)
        for name, run in list(running.items()):
            state = client.read_flow_run(run).state
            if state is None or not state.is_final():
                continue
            logger.info("the training of %s has ended: %s", name, state.name)
            if state.is_crashed() and again[name]:
                again[name] -= 1
                running[name] = start(name)
                continue
            del running[name]
            if not state.is_completed():
                failed.append(f"{name}: {state.message or state.name}")
    return failed
