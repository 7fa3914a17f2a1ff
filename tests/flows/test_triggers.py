"""What starts runs, and what runs start: schedules, new data, a webhook that hears of failures."""

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import toy_rows, write_csv
from tests.flows.server import Team, wait_to_hear
from tests.pipeline.workspaces import CSV


def runs_of(team: Team, deployment: str) -> list[dict[str, Any]]:
    """The runs of a deployment, oldest first."""
    found = team.ask("flow_runs/filter", deployments={"name": {"any_": [deployment]}}, sort="START_TIME_ASC", limit=200)
    return list(found)


def test_the_shipped_schedules_wait_to_be_switched_on(team: Team) -> None:
    for name, cron in (("finetune/finetune", "0 3 * * *"), ("new-data/new-data", "*/10 * * * *")):
        (schedule,) = team.ask(f"deployments/name/{name}")["schedules"]
        assert (schedule["active"], schedule["schedule"]["cron"]) == (False, cron)


def test_a_schedule_runs_the_pipeline(team: Team, first: str) -> None:
    deployment = team.ask("deployments/name/finetune/finetune")["id"]
    every_minute = {"schedule": {"cron": "* * * * *", "timezone": "UTC"}, "active": True}
    added = team.ask(f"deployments/{deployment}/schedules", [every_minute])
    end = time.monotonic() + 90
    while not (ran := [one for one in runs_of(team, "finetune") if one["auto_scheduled"] and one["start_time"]]):
        assert time.monotonic() < end
        time.sleep(1)
    team.ask(f"deployments/{deployment}/schedules/{added[0]['id']}", method="DELETE")
    assert team.wait(ran[0]["id"])["type"] == "COMPLETED"


@pytest.fixture
def drop(team: Team, tmp_path: Path) -> Path:
    """A folder outside of the repository, whose file the branch `followed` imports."""
    path = write_csv(tmp_path / "drop" / "toy.csv", toy_rows())
    team.sandbox.must("git", "checkout", "--quiet", "-b", "followed", "main")
    team.sandbox.must("dvc", "import-url", "--quiet", "--force", str(path), CSV)
    for name in ("lora", "full"):
        team.sandbox.edit(f"candidates.{name}", None)
    team.sandbox.must("git", "commit", "--quiet", "--all", "--message", "follow a folder")
    team.sandbox.must("git", "checkout", "--quiet", "main")
    team.sandbox.must("dvc", "checkout", "--quiet", f"{CSV}.dvc")
    return path


def look(team: Team) -> dict[str, Any]:
    """One look at the data of the branch; returns the state of the look."""
    run = team.start("new-data/new-data", git_ref="followed")
    state = team.wait(run)
    assert state["type"] == "COMPLETED", (state, team.logs(run)[-20:])
    return state


def test_new_data_starts_a_run_and_old_data_none(team: Team, first: str, drop: Path) -> None:
    before = {one["id"] for one in runs_of(team, "finetune")}
    assert look(team)["name"] == "Started"
    (seen,) = (one for one in runs_of(team, "finetune") if one["id"] not in before)
    assert team.wait(seen["id"])["type"] == "COMPLETED"
    assert look(team)["name"] == "Unchanged"
    assert len(runs_of(team, "finetune")) == len(before) + 1

    write_csv(drop, toy_rows(seed=3))
    both = [team.start("new-data/new-data", git_ref="followed") for _ in range(2)]
    assert {team.wait(one)["type"] for one in both} == {"COMPLETED"}
    (started,) = (one for one in runs_of(team, "finetune") if one["id"] not in before | {seen["id"]})
    assert team.wait(started["id"], 400)["type"] == "COMPLETED"
    commit = started["parameters"]["git_ref"]
    named = team.sandbox.must("git", "show", f"{commit}:{CSV}.dvc")
    assert f"md5: {hashlib.md5(drop.read_bytes(), usedforsecurity=False).hexdigest()}" in named
    assert team.sandbox.must("git", "branch", "--contains", commit).strip().startswith("new-data/")


def test_a_failed_run_is_told_once_with_its_reason(team: Team, first: str, told: list[str]) -> None:
    run = team.start(git_ref="nowhere")
    assert team.wait(run)["type"] == "FAILED"
    subject, reason, page = wait_to_hear(told, run).splitlines()
    time.sleep(2)
    assert len([said for said in told if run in said]) == 1
    assert subject.startswith("finetune / ")
    assert reason.startswith("ConfigError: git_ref is 'nowhere': the repository has no such branch, tag or commit")
    assert page.startswith("http://127.0.0.1:")
    assert page.endswith(run)


def test_the_address_of_the_webhook_is_a_secret(team: Team, told: list[str]) -> None:
    (block,) = team.ask("block_documents/filter", block_documents={"name": {"any_": ["finetrail-notices"]}})
    assert "secret-of-the-hook" not in json.dumps(block)


def test_an_address_that_is_none_is_refused(team: Team) -> None:
    done = team.sandbox.run(sys.executable, "-m", "flows.notices", "somewhere", **team.environment)
    assert done.error == "ConfigError: the address is 'somewhere': must start with https:// or http://"
