"""What a person sees of a run: Prefect's pages, and from there the runs in MLflow's, in a real browser."""

import re
from pathlib import Path

from tests.browser import browse, colours
from tests.flows.server import Team
from tests.pipeline.workspaces import CANDIDATES

WAIT = 20_000  # of the browser's own clock, in ms


def test_the_run_its_leaderboard_and_the_runs_in_mlflow(team: Team, first: str, chromium: str, tmp_path: Path) -> None:
    pages = team.api.removesuffix("/api")
    name = team.ask(f"flow_runs/{first}")["name"]
    document, picture = browse(chromium, f"{pages}/runs/flow-run/{first}", tmp_path, wait_ms=WAIT)
    for word in (name, "Completed", "11 Task runs"):
        assert word in document
    assert colours(picture) > 100

    found = team.ask("artifacts/filter", artifacts={"flow_run_id": {"any_": [first]}, "key": {"any_": ["leaderboard"]}})
    document, _ = browse(chromium, f"{pages}/artifacts/artifact/{found[0]['id']}", tmp_path, wait_ms=WAIT)
    for candidate in CANDIDATES:
        assert candidate in document
    links = re.findall(r"http://127\.0\.0\.1:\d+/#/runs/\w+", found[0]["data"])
    assert len(links) == len(CANDIDATES)

    document, _ = browse(chromium, links[0], tmp_path, wait_ms=WAIT)
    for word in ("best_val_accuracy", "finetrail.chosen"):
        assert word in document


def test_the_form_of_a_run_has_its_parameters(team: Team, chromium: str, tmp_path: Path) -> None:
    pages = team.api.removesuffix("/api")
    for name in ("finetune", "new-data", "candidate"):
        deployment = team.ask(f"deployments/name/{name}/{name}")
        document, _ = browse(chromium, f"{pages}/deployments/deployment/{deployment['id']}/run", tmp_path, wait_ms=WAIT)
        for said in deployment["parameter_openapi_schema"]["properties"].values():
            assert said.get("description", said["title"]) in document
