"""The flow `candidate`: the training of one candidate, so that several workers train several at a time."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script, it has only its own folder there

from prefect import flow
from prefect.client.schemas.objects import State

from flows.clones import Clone
from flows.parameters import NAME, Text, text_of
from flows.pipeline import BEFORE, run_stages, work_in_clone
from flows.tasks import Limits


@flow(name="candidate", flow_run_name="{name}", persist_result=False)
def candidate(
    name: Text,
    git_ref: Text = "HEAD",
    recipe: Text | None = None,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> State[Any]:
    """Train one candidate in a fresh clone, and give the result to DVC's cache and remote.

    The flow `finetune` starts it once for each candidate if it is told to fan out.

    Args:
        name: One of the candidates in params.yaml.
        git_ref: Branch, tag or commit to run.
        recipe: A recipe to take in place of params.yaml.
        limits: Of tries and minutes.
    """

    def work(clone: Clone) -> State[Any]:
        return run_stages([*BEFORE, f"train@{text_of('name', name, NAME)}"], clone, limits)

    return work_in_clone(git_ref, recipe, limits, work)
