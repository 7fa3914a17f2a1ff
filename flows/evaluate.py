"""The flow `evaluate`: a registered version is scored again, on the test split of a commit."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from finetrail.programs.run import Ended
from finetrail.workspace import read_json
from flows.artifacts import leave_evaluation
from flows.clones import Clone
from flows.judging import judge_in_clone
from flows.parameters import Recipe, Text
from flows.stages import describe
from flows.tasks import Limits


@flow(name="evaluate", flow_run_name="evaluate {version}", persist_result=False)
def evaluate(
    version: Text = "champion",
    git_ref: Text = "HEAD",
    recipe: Recipe | None = None,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> State[Any]:
    """Score a version on a test split; the ledger counts how many models were scored on the same.

    Args:
        version: A version's number, an alias, or a candidate.
        git_ref: Branch, tag or commit whose test split is taken.
        recipe: A recipe to take in place of params.yaml.
        limits: Of tries and minutes.
    """

    def end(clone: Clone, ended: Ended) -> State[Any]:
        state = describe("evaluate", ended)
        if state.is_completed():
            leave_evaluation(read_json(clone.root / "evaluation.json"))
        return state

    return judge_in_clone(
        ["evaluate", "--json", "evaluation.json"],
        version=version,
        git_ref=git_ref,
        recipe=recipe,
        limits=limits,
        end=end,
    )
