"""Prefect tasks of the pipeline: their names, their time limits, and when they are tried again."""

from collections.abc import Callable
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from pydantic import BaseModel, ConfigDict, Field

UNAVAILABLE = "Unavailable"
"""The name of the failed state for what may pass in a minute: the network, MLflow, a process that was killed."""


class Limits(BaseModel):
    """How long a stage may take, and how often it is tried again if what stopped it may pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retries: int = Field(
        default=3, ge=0, le=20, description="Tries after the first; none for bad settings or bad data."
    )
    retry_seconds: float = Field(
        default=10.0, gt=0, description="Wait before the first of them; each later wait is twice as long."
    )
    stage_minutes: float = Field(default=60.0, gt=0, description="Time limit of each stage that does not train.")
    train_minutes: float = Field(
        default=24 * 60.0, gt=0, description="Time limit of the training of one candidate, and of an assessment."
    )


def as_task(name: str, limits: Limits, minutes: float, function: Callable[..., State[Any]]) -> Task[..., State[Any]]:
    """A task of this name that is tried again only if its state says that this may help."""
    options = task(
        name=name,
        task_run_name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=limits.retries,
        retry_delay_seconds=[limits.retry_seconds * 2**number for number in range(limits.retries)],
        retry_jitter_factor=0.2,
        retry_condition_fn=_may_go_better,
        timeout_seconds=minutes * 60,
    )
    return options(function)


def _may_go_better(_task: Task[..., Any], _run: Any, state: State[Any]) -> bool:
    return state.name == UNAVAILABLE
