"""The flow `promote`: a registered version goes through the gate, and becomes the champion if it passes."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Failed

from finetrail.errors import ConflictError, RefusedError
from finetrail.programs.run import Ended
from finetrail.workspace import read_json
from flows.artifacts import leave_verdict
from flows.clones import Clone
from flows.events import tell_promoted
from flows.judging import REFUSED, judge_in_clone
from flows.parameters import Text
from flows.stages import describe
from flows.tasks import UNAVAILABLE, Limits


@flow(name="promote", flow_run_name="promote {version}", persist_result=False)
def promote(
    version: Text = "challenger",
    *,
    dry_run: bool = False,
    accept_looser_gate: bool = False,
    git_ref: Text = "HEAD",
    recipe: Text | None = None,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
) -> State[Any]:
    """Compare a version with the champion on the same test rows, by the rules of `gate:` in params.yaml.

    The run ends as `Refused` if a rule is broken; the artifact `gate` says which. A promotion is told as the event
    `finetrail.model.promoted`.

    Args:
        version: A version's number, an alias, or a candidate.
        dry_run: Judge only; nothing is changed.
        accept_looser_gate: Promote though the champion passed a stricter gate.
        git_ref: Branch, tag or commit whose test split and gate are taken.
        recipe: A recipe to take in place of params.yaml.
        limits: Of tries and minutes.
    """

    def end(clone: Clone, ended: Ended) -> State[Any]:
        state = describe("promote", ended)
        judged = clone.root / "verdict.json"
        if judged.exists():
            found = read_json(judged)
            leave_verdict(found)
            if found["promoted"]:
                tell_promoted(found["model"], found["verdict"]["reason"])
        if ended.code != RefusedError.exit_code:
            return state
        # Somebody else changed the registry first: another try may succeed.
        raced = (state.message or "").startswith(f"{ConflictError.__name__}:")
        return Failed(name=UNAVAILABLE if raced else REFUSED, message=state.message)

    chosen = {"--dry-run": dry_run, "--accept-looser-gate": accept_looser_gate}
    options = [option for option, wanted in chosen.items() if wanted]
    return judge_in_clone(
        ["promote", "--json", "verdict.json", *options],
        version=version,
        git_ref=git_ref,
        recipe=recipe,
        limits=limits,
        end=end,
    )
