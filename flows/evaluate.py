"""The flow `evaluate`: a registered version is scored again, on the test split of a commit."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from finetrail.workspace import read_json
from flows.artifacts import leave_evaluation
from flows.clones import Clone
from flows.judging import judge_in_clone
from flows.running import Ended
from flows.stages import describe
from flows.tasks import Limits


@flow(name="evaluate", flow_run_name="evaluate {version}", persist_result=False)
def evaluate(
    version: Annotated[str, Field(description="A version's number, or an alias.")] = "champion",
    git_ref: Annotated[str, Field(description="Branch, tag or commit whose test split is taken.")] = "HEAD",
    recipe: Annotated[str | None, Field(description="A recipe to take in place of params.yaml.")] = None,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> State[Any]:
    """Score a version on a test split; the ledger counts how many models were scored on the same."""

    def end(clone: Clone, ended: Ended) -> State[Any]:
        state = describe("evaluate", ended)
        if state.is_completed():
            leave_evaluation(read_json(clone.root / "evaluation.json"))
        return state

    command = ["evaluate", version, "--json", "evaluation.json"]
    return judge_in_clone(command, git_ref, recipe, limits, end)
