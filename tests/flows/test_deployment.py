"""The deployment `finetune` on a real server: what it runs, what it leaves, and that it does nothing twice."""

import subprocess
import sys
from datetime import datetime

from tests.flows.server import Team, free_port

STAGES = ["ingest", "validate", "split", "train@linear_probe", "train@full", "select", "test", "register"]


def test_each_stage_is_a_task_of_its_name(team: Team, first: str) -> None:
    assert team.states(first) == dict.fromkeys(["pull", *STAGES, "push"], "Completed")


def test_the_lines_of_a_stage_are_in_the_log(team: Team, first: str) -> None:
    logs = team.logs(first)
    assert any(line.startswith("trained full: ") for line in logs)
    assert any(line.startswith("test accuracy of ") for line in logs)


def test_stages_leave_artifacts(team: Team, first: str) -> None:
    found = team.artifacts(first)
    assert set(found) == {"validation", "leaderboard", "test-report", "version", "dvc-lock"}
    assert "**passed**: 239 ingested = 236 passed + 3 quarantined" in found["validation"]
    mlflow = f"http://127.0.0.1:{team.environment['FINETRAIL_MLFLOW_PORT']}"
    assert found["leaderboard"].count(f"{mlflow}/#/") == 2
    assert "| macro_f1 | 0." in found["test-report"]
    assert "models:/toy/1" in found["version"]


def test_a_second_run_does_nothing_again(team: Team, first: str, again: str) -> None:
    assert team.states(again) == dict.fromkeys(STAGES, "Cached") | dict.fromkeys(["pull", "push"], "Completed")
    (begun, ended) = (
        1000 * datetime.fromisoformat(team.ask(f"flow_runs/{again}")[key]).timestamp()
        for key in ("start_time", "end_time")
    )
    for table, column in (("runs", "start_time"), ("model_versions", "creation_time")):
        assert team.rows(f"SELECT count(*) FROM {table} WHERE {column} BETWEEN {begun} AND {ended}") == [(0,)]  # noqa: S608
    for key in ("leaderboard", "version"):
        assert team.artifacts(again)[key] == team.artifacts(first)[key]
    assert team.artifacts(again)["dvc-lock"] == team.artifacts(first)["dvc-lock"]


def test_by_hand_dvc_gives_the_same_lock_file(team: Team, first: str) -> None:
    done = team.sandbox.run("dvc", "repro")
    assert done.code == 0, done
    assert team.sandbox.stages_of(done) == []
    lock = (team.sandbox.root / "dvc.lock").read_text(encoding="utf-8")
    assert team.artifacts(first)["dvc-lock"] == f"```yaml\n{lock}```"


def test_bad_settings_fail_at_once_in_the_stages_own_words(team: Team, bad: str) -> None:
    state = team.state(bad)
    assert state["type"] == "FAILED"
    assert state["message"].startswith("ValidationError: ")
    assert team.states(bad) == {"pull": "Completed", "ingest": "Cached", "validate": "Failed", "push": "Completed"}
    (validate,) = (one for one in team.tasks(bad) if one["name"] == "validate")
    assert validate["run_count"] == 1
    assert validate["state"]["message"] == state["message"]


def test_a_pool_of_containers_is_made_once_the_server_that_the_error_names_runs(team: Team) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/api"
    make = [sys.executable, "-m", "flows.pool", "docker", "--name", "containers"]
    environment = team.environment | {"PREFECT_API_URL": nowhere}
    refused = subprocess.run(make, cwd=team.sandbox.root, env=environment, capture_output=True, text=True, timeout=120)
    assert refused.returncode == 2
    assert f"ConfigError: Prefect's server at {nowhere} gives no template" in refused.stderr
    assert "start it with `make up`" in refused.stderr
    team.command(*make)
    assert team.ask("work_pools/containers")["type"] == "docker"
    team.command(*make)  # again, for a change
    other = [*make[:2], "flows.pool", "docker", "--name", "finetrail"]
    refused = subprocess.run(
        other, cwd=team.sandbox.root, env=team.environment, capture_output=True, text=True, timeout=120
    )
    assert "ConfigError: pool 'finetrail' is of type 'process', and a pool keeps its type; delete it" in refused.stderr
    assert not team.ask("work_pools/finetrail")["base_job_template"].get("variables", {}).get("image")
