"""The trainings of a run on other workers: a run of the deployment `candidate` for each, and more for a search."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.states import Cancelling, Completed, Failed

from finetrail.errors import ConfigError
from finetrail.search.settings import DATABASE, DATABASE_FORM
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


def check_search_workers(count: int, fan_out: str | None) -> None:
    """Check before anything runs. Raises: ConfigError: so many runs cannot work on one search."""
    if count > 1 and not fan_out:
        raise ConfigError(
            f"search_workers is {count}, but this run trains all by itself; set fan_out to candidate/candidate, or "
            "search_workers to 1"
        )
    if count > 1:
        check_database(f"search_workers is {count}")


def check_database(asked: str) -> None:
    """Check that studies are where other machines find them. Raises: ConfigError: this worker knows no database."""
    if not os.environ.get(DATABASE):
        raise ConfigError(
            f"{asked}, but {DATABASE} is not set for this worker; set it to {DATABASE_FORM} for every worker, or "
            "search_workers to 1"
        )


def asked_runs(names: Sequence[str], searched: Sequence[str], search_workers: int) -> dict[str, dict[str, Any]]:
    """What each run is asked, by the run's name: one for each candidate, and those that help with its search.

    A helper that starts after its search has ended finds nothing to do, so the others go first.
    """
    helpers = {f"{name}, trials {number}": name for name in searched for number in range(2, search_workers + 1)}
    trials = {label: {"name": name, "trials_only": True} for label, name in helpers.items()}
    return {name: {"name": name} for name in names} | trials


def train_elsewhere(
    deployment: str, runs: Mapping[str, Mapping[str, Any]], clone: Clone, recipe: Text | None, limits: Limits
) -> State[Any]:
    """Have each candidate trained by runs of its own, all at once, and get what they made.

    They share only the commit and DVC with this run: its cache, or its remote with the run-cache. If this run is
    cancelled, so are they.

    Args:
        deployment: of the flow `candidate`, such as `candidate/candidate`.
        runs: see `asked_runs`.
    """
    given = push(clone, limits)  # so that none of them splits the data again
    if given.is_failed():
        return Failed(message=given.message)

    def start(name: str) -> UUID:
        asked = {**runs[name], "git_ref": clone.commit, "recipe": recipe, "limits": limits.model_dump()}
        run = cast(FlowRun, run_deployment(deployment, parameters=asked, flow_run_name=name, timeout=0))
        return run.id

    with get_client(sync_client=True) as client:
        running: dict[str, UUID] = {}
        try:
            for name in runs:
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
            logger.info("the run %s has ended: %s", name, state.name)
            if state.is_crashed() and again[name]:
                again[name] -= 1
                running[name] = start(name)
                continue
            del running[name]
            if not state.is_completed():
                failed.append(f"{name}: {state.message or state.name}")
    return failed
