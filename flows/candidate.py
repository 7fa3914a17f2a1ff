"""The flow `candidate`: the training of one candidate, so that several workers train several at a time."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script, it has only its own folder there

from prefect import flow, runtime
from prefect.client.schemas.objects import State

from flows.clones import Clone
from flows.fan_out import check_database
from flows.parameters import NAME, Recipe, Text, text_of
from flows.pipeline import run_stages, work_in_clone
from flows.stages import before_training, run_trials
from flows.tasks import Limits


def _run_name() -> str:
    asked = runtime.flow_run.parameters
    return f"{asked['name']}, trials" if asked["trials_only"] else f"{asked['name']}"


@flow(name="candidate", flow_run_name=_run_name, persist_result=False)
def candidate(
    name: Text,
    git_ref: Text = "HEAD",
    recipe: Recipe | None = None,
    trials_only: bool = False,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> State[Any]:
    """Train one candidate in a fresh clone, and give the result to DVC's cache and remote.

    The flow `finetune` starts it once for each candidate if it is told to fan out, and more often for a search.

    Args:
        name: One of the candidates in params.yaml.
        git_ref: Branch, tag or commit to run.
        recipe: A recipe to take in place of params.yaml.
        trials_only: Only carry out trials of the candidate's search, for the run that trains it.
        limits: Of tries and minutes.
    """

    def work(clone: Clone) -> State[Any]:
        wanted = text_of("name", name, NAME)
        if not trials_only:
            return run_stages([*before_training(clone.root), f"train@{wanted}"], clone, limits)
        check_database("trials_only is true")
        state = run_stages(before_training(clone.root), clone, limits)
        return run_trials(wanted, clone, limits) if state.is_completed() else state

    return work_in_clone(git_ref, recipe, limits, work)
