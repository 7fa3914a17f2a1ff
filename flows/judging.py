"""What flows about registered versions have in common: a command of finetrail over the test split of a commit."""

from collections.abc import Callable, Sequence
from typing import Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from finetrail.programs.run import Ended
from flows.clones import Clone
from flows.parameters import VERSION, Text, text_of
from flows.pipeline import run_stages, work_in_clone
from flows.stages import TO_SPLITS
from flows.tasks import Limits, as_task

REFUSED = "Refused"
"""The name of the failed state of a run that worked, but whose gate said no."""


def judge_in_clone(
    command: Sequence[str],
    *,
    version: Text,
    git_ref: Text,
    recipe: Text | None,
    limits: Limits,
    end: Callable[[Clone, Ended], State[Any]],
) -> State[Any]:
    """Get the test split from DVC, and run a command of finetrail as a task with its name.

    Args:
        command: without `finetrail`: its name, and its options.
        version: its argument.
        end: maps the command's end to a state.
    """

    def work(clone: Clone) -> State[Any]:
        state = run_stages(TO_SPLITS, clone, limits)
        if not state.is_completed():
            return state

        meant = text_of("version", version, VERSION)

        def judge() -> State[Any]:
            return end(clone, clone.run("finetrail", *command, "--", meant, say=get_run_logger().info))

        state = as_task(command[0], limits, limits.stage_minutes, judge)(return_state=True)
        # A new state: given the task's own, Prefect would only count it.
        if state.is_completed():
            return Completed()
        return Failed(name=REFUSED if state.name == REFUSED else None, message=state.message)

    return work_in_clone(git_ref, recipe, limits, work)
