"""What starts runs, and what runs start: schedules, new data, a webhook that hears of failures."""

import json
import sys
import time

from tests.flows.server import Team, wait_to_hear


def test_the_shipped_schedules_wait_to_be_switched_on(team: Team) -> None:
    for name, cron in (("finetune/finetune", "0 3 * * *"), ("new-data/new-data", "*/10 * * * *")):
        (schedule,) = team.ask(f"deployments/name/{name}")["schedules"]
        assert (schedule["active"], schedule["schedule"]["cron"]) == (False, cron)


def test_a_schedule_runs_the_pipeline(team: Team, again: str) -> None:
    run = team.ask(f"flow_runs/{again}")
    assert (run["auto_scheduled"], run["state"]["type"]) == (True, "COMPLETED")


def test_a_failed_run_is_told_once_with_its_reason(team: Team, bad: str, told: list[str]) -> None:
    subject, reason, page = wait_to_hear(told, bad).splitlines()
    time.sleep(2)
    assert len([said for said in told if bad in said]) == 1
    assert subject.startswith("finetune / ")
    assert reason == team.state(bad)["message"]
    assert page.startswith("http://127.0.0.1:")
    assert page.endswith(bad)


def test_the_address_of_the_webhook_is_a_secret(team: Team, told: list[str]) -> None:
    (block,) = team.ask("block_documents/filter", block_documents={"name": {"any_": ["finetrail-notices"]}})
    assert "secret-of-the-hook" not in json.dumps(block)


def test_an_address_that_is_none_is_refused(team: Team) -> None:
    done = team.sandbox.run(sys.executable, "-m", "flows.notices", "somewhere", **team.environment)
    assert done.error == "ConfigError: the address is 'somewhere': it must start with https:// or http://"
