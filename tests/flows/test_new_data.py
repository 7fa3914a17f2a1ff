"""New data starts a run, once, and old data none; that run fans out to two machines."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import toy_rows, write_csv
from tests.flows.elsewhere import worker_elsewhere
from tests.flows.server import Team
from tests.pipeline.workspaces import CSV


@pytest.fixture(scope="module")
def drop(team: Team, first: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file outside of the repository, which the branch `followed` imports."""
    path = write_csv(tmp_path_factory.mktemp("drop") / "toy.csv", toy_rows())
    team.sandbox.must("git", "checkout", "--quiet", "-b", "followed", "main")
    team.sandbox.must("dvc", "import-url", "--quiet", "--force", str(path), CSV)
    team.sandbox.must("git", "commit", "--quiet", "--all", "--message", "follow a folder")
    team.sandbox.must("git", "checkout", "--quiet", "main")
    team.sandbox.must("dvc", "checkout", "--quiet", f"{CSV}.dvc")
    return path


@contextmanager
def fanning_out(team: Team) -> Iterator[None]:
    """The deployment `finetune` fans out, whoever starts it."""
    path = f"deployments/{team.ask('deployments/name/finetune/finetune')['id']}"
    team.ask(path, method="PATCH", parameters={"fan_out": "candidate/candidate"})
    try:
        yield
    finally:
        team.ask(path, method="PATCH", parameters={})


class Started(NamedTuple):
    """What two looks at new data started. Attributes: trained: new runs in MLflow; registered: new versions."""

    run: dict[str, Any]
    machine: Path
    trained: int
    registered: int


@pytest.fixture(scope="module")
def started(team: Team, drop: Path, tmp_path_factory: pytest.TempPathFactory) -> Started:
    """The source has something new; two look at the same instant, and what they started has run on two machines."""
    trained, registered, before = team.count("runs"), team.versions(), {one["id"] for one in team.runs("finetune")}
    write_csv(drop, toy_rows(seed=3))
    machine = tmp_path_factory.mktemp("elsewhere")
    with fanning_out(team), worker_elsewhere(team, machine):
        both = [team.start("new-data/new-data", git_ref="followed") for _ in range(2)]
        assert {team.wait(one)["type"] for one in both} == {"COMPLETED"}
        (run,) = (one for one in team.runs("finetune") if one["id"] not in before)
        state = team.wait(run["id"], 400)
    assert state["type"] == "COMPLETED", (state, team.logs(run["id"])[-20:])
    return Started(run, machine, team.count("runs") - trained, team.versions() - registered)


def test_old_data_starts_nothing(team: Team, started: Started) -> None:
    before = len(team.runs("finetune"))
    state = team.wait(team.start("new-data/new-data", git_ref="followed"))
    assert (state["type"], state["name"]) == ("COMPLETED", "Unchanged")
    assert len(team.runs("finetune")) == before


def test_the_commit_of_the_run_that_new_data_started_names_it(team: Team, drop: Path, started: Started) -> None:
    commit = started.run["parameters"]["git_ref"]
    named = team.sandbox.must("git", "show", f"{commit}:{CSV}.dvc")
    assert f"md5: {hashlib.md5(drop.read_bytes(), usedforsecurity=False).hexdigest()}" in named
    assert team.sandbox.must("git", "branch", "--contains", commit).strip().startswith("new-data/")


def test_each_candidate_is_trained_once_by_whichever_machine_is_free(team: Team, started: Started) -> None:
    run = started.run["id"]
    children = team.children(run)
    assert {name: one["state"] for name, one in children.items()} == dict.fromkeys(
        ("linear_probe", "full"), "COMPLETED"
    )
    there = [any(str(started.machine) in line for line in team.logs(one["id"])) for one in children.values()]
    assert {True, False} == set(there)
    trained = {name: state for name, state in team.states(run).items() if name.startswith("train@")}
    assert set(trained.values()) == {"Cached"}
    assert (started.trained, started.registered) == (2, 1)


def test_a_deployment_to_fan_out_to_that_is_not_there_is_named(team: Team, first: str) -> None:
    run = team.start(fan_out="candidate/gpu")
    state = team.wait(run)
    assert state["type"] == "FAILED"
    assert state["message"].startswith("ConfigError: fan_out is 'candidate/gpu': there is no such deployment")
    assert set(team.states(run)) == {"pull"}
