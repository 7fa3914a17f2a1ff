"""The flow `finetune`: the whole pipeline in a clean workspace.

As a script it runs once, with the server that PREFECT_API_URL names, or without any: `python flows/finetune.py`.
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script, it has only its own folder there

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import PositiveInt

from flows.artifacts import leave_lock
from flows.clones import Clone
from flows.fan_out import asked_runs, check_deployment, check_search_workers, train_elsewhere
from flows.parameters import Deployment, Recipe, Text
from flows.pipeline import run_stages, work_in_clone
from flows.stages import assessments_of, before_training, candidates_of, searched_of
from flows.tasks import Limits


@flow(name="finetune", persist_result=False)
def finetune(
    git_ref: Text = "HEAD",
    recipe: Recipe | None = None,
    fan_out: Deployment | None = None,
    search_workers: PositiveInt = 1,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> State[Any]:
    """Run ingest, validate, split, train, select, assess, test and register by DVC, in a fresh clone of the repository.

    What DVC's cache or remote already has is not done again: it is the same result, whoever made it.

    Args:
        git_ref: Branch, tag or commit to run.
        recipe: A recipe to take in place of params.yaml.
        fan_out: The deployment whose runs train the candidates, such as candidate/candidate.
        search_workers: How many of these runs work on each search at once, on one machine or several.
        limits: Of tries and minutes.
    """

    def work(clone: Clone) -> State[Any]:
        names = candidates_of(clone.root)
        trainings = [f"train@{name}" for name in names]
        after = ["select", *(f"assess@{name}" for name in assessments_of(clone.root)), "test", "register"]
        check_search_workers(search_workers, fan_out)
        if fan_out:
            check_deployment(fan_out)
            runs = asked_runs(names, searched_of(clone.root), search_workers)
            state = run_stages(before_training(clone.root), clone, limits)
            if state.is_completed():
                state = train_elsewhere(fan_out, runs, clone, recipe, limits)
            if state.is_completed():
                state = run_stages([*trainings, *after], clone, limits)
        else:
            state = run_stages([*before_training(clone.root), *trainings, *after], clone, limits)
        if state.is_completed():
            leave_lock(clone)
        return state

    return work_in_clone(git_ref, recipe, limits, work)


if __name__ == "__main__":
    import typer

    def main(git_ref: str = "HEAD", recipe: str | None = None) -> None:
        """Run the pipeline once, in a fresh clone of what is committed."""
        state = finetune(git_ref, recipe, return_state=True)
        sys.exit(0 if state.is_completed() else f"{state.name}: {state.message}")

    typer.run(main)
