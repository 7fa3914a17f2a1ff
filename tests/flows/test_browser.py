"""What a person sees of a run: Prefect's pages, and from there the runs in MLflow's, in a real browser."""

import re
from pathlib import Path

import pytest

from tests.browser import browse, colours
from tests.flows.server import Team
from tests.pipeline.workspaces import REPOSITORY

WAIT = 20_000  # of the browser's own clock, in ms


def test_the_run_its_leaderboard_and_the_runs_in_mlflow(team: Team, first: str, chromium: str, tmp_path: Path) -> None:
    pages = team.api.removesuffix("/api")
    name = team.ask(f"flow_runs/{first}")["name"]
    document, screenshot = browse(chromium, f"{pages}/runs/flow-run/{first}", tmp_path, wait_ms=WAIT)
    for word in (name, "Completed", "10 Task runs"):
        assert word in document
    assert colours(screenshot) > 100

    found = team.ask("artifacts/filter", artifacts={"flow_run_id": {"any_": [first]}, "key": {"any_": ["leaderboard"]}})
    document, _ = browse(chromium, f"{pages}/artifacts/artifact/{found[0]['id']}", tmp_path, wait_ms=WAIT)
    candidates = team.sandbox.candidates()
    for candidate in candidates:
        assert candidate in document
    links = re.findall(r"http://127\.0\.0\.1:\d+/#/runs/\w+", found[0]["data"])
    assert len(links) == len(candidates)

    document, _ = browse(chromium, links[0], tmp_path, wait_ms=WAIT)
    for word in ("val_accuracy", "finetrail.chosen"):
        assert word in document


def test_the_form_of_a_run_has_its_parameters(team: Team, chromium: str, tmp_path: Path) -> None:
    pages = team.api.removesuffix("/api")
    deployment = team.ask("deployments/name/finetune/finetune")
    document, _ = browse(chromium, f"{pages}/deployments/deployment/{deployment['id']}/run", tmp_path, wait_ms=WAIT)
    properties = deployment["parameter_openapi_schema"]["properties"]
    for parameter in ("git_ref", "recipe", "fan_out", "search_workers"):
        assert properties[parameter]["description"] in document
    here = sorted(file.stem for file in (REPOSITORY / "recipes").glob("*.yaml"))
    assert properties["recipe"]["anyOf"][0]["enum"] == here
    for button in ("text", "number", "one of these", "deployment"):
        assert re.search(rf">\s*{button}\s*<", document), button


@pytest.mark.parametrize("name", ["new-data", "promote", "evaluate", "candidate"])
def test_each_parameter_of_the_other_forms_is_described(team: Team, name: str) -> None:
    properties = team.ask(f"deployments/name/{name}/{name}")["parameter_openapi_schema"]["properties"]
    assert [key for key, said in properties.items() if not said.get("description")] == []
