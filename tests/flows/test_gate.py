"""The gate as a deployment: what it leaves, what it changes, and who hears of it."""

import json
import re
from typing import Any

from tests.flows.conftest import Twice
from tests.flows.server import README, Team, wait_to_hear


def registry(team: Team) -> list[tuple[Any, ...]]:
    """The aliases of all models, and the tags of all versions, the ledger's among them."""
    return team.rows(
        "SELECT name, alias, version FROM registered_model_aliases UNION ALL "
        "SELECT name, key || '=' || value, version FROM model_version_tags ORDER BY 1, 2, 3"
    )


def test_what_passes_becomes_champion_and_is_told(team: Team, first: str, told: list[str]) -> None:
    run = team.start_by(README.promote.replace("challenger", "1"))  # another may be challenger by now
    assert team.wait(run)["type"] == "COMPLETED", team.logs(run)[-10:]
    assert team.states(run)["promote"] == "Completed"
    rules = json.loads(team.artifacts(run)["gate"])
    assert {one["outcome"] for one in rules} <= {"pass", "not judged"}
    assert ("toy", "champion", 1) in registry(team)
    assert wait_to_hear(told, "models:/toy/1").startswith("toy: models:/toy/1 is champion")


def test_what_is_worse_is_refused_with_the_reason_and_a_dry_run_leaves_nothing_in_the_registry(
    team: Team, twice: Twice, told: list[str]
) -> None:
    version = re.findall(r"models:/toy/(\d+)", team.artifacts(twice.runs[0])["version"])[0]
    before = registry(team)
    run = team.start("promote/promote", version=version, git_ref="killed", dry_run=True)
    state = team.wait(run)
    assert (state["type"], state["name"]) == ("FAILED", "Refused"), team.logs(run)[-10:]
    assert "does not become champion" in state["message"]
    assert "fail" in {one["outcome"] for one in json.loads(team.artifacts(run)["gate"])}
    assert wait_to_hear(told, run).startswith(f"promote / promote {version}: Refused")
    assert registry(team) == before


def test_a_version_is_scored_again(team: Team, first: str) -> None:
    run = team.start("evaluate/evaluate", version="1")
    assert team.wait(run)["type"] == "COMPLETED", team.logs(run)[-10:]
    scores = {one["metric"]: one["test"] for one in json.loads(team.artifacts(run)["evaluation"])}
    tested = team.artifacts(first)["test-report"]
    assert f"| macro_f1 | {scores['macro_f1']:.4f} |" in tested
