"""What `finetune` asks of other workers, and what it refuses to ask."""

import pytest

from finetrail.errors import ConfigError
from finetrail.search.settings import DATABASE, DATABASE_FORM
from flows.fan_out import asked_runs, check_search_workers
from tests.flows.server import Team


def test_a_candidate_has_a_run_and_one_that_searches_has_helpers() -> None:
    assert asked_runs(["probe", "lora"], ["lora"], 3) == {
        "probe": {"name": "probe"},
        "lora": {"name": "lora"},
        "lora, trials 2": {"name": "lora", "trials_only": True},
        "lora, trials 3": {"name": "lora", "trials_only": True},
    }
    assert asked_runs(["probe", "lora"], ["lora"], 1) == {"probe": {"name": "probe"}, "lora": {"name": "lora"}}


def test_several_workers_for_a_search_need_other_runs_and_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATABASE, raising=False)
    check_search_workers(1, None)
    with pytest.raises(ConfigError, match=r"search_workers is 2, but .*; set fan_out to candidate/candidate, or"):
        check_search_workers(2, None)
    with pytest.raises(ConfigError, match=rf"search_workers is 2, but {DATABASE} is not set .*; set it to postgresql"):
        check_search_workers(2, "candidate/candidate")
    monkeypatch.setenv(DATABASE, DATABASE_FORM)
    check_search_workers(2, "candidate/candidate")


def test_without_a_database_a_run_says_so(team: Team, first: str) -> None:
    runs = [team.start(fan_out="candidate/candidate", search_workers=2)]
    runs.append(team.start("candidate/candidate", name="full", trials_only=True))
    states = [team.wait(run) for run in runs]
    assert [state["type"] for state in states] == ["FAILED"] * 2
    for state, asked in zip(states, ("search_workers is 2", "trials_only is true"), strict=True):
        assert state["message"].startswith(f"ConfigError: {asked}, but {DATABASE} is not set for this worker; set it")
