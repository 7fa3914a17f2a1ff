"""The set-up of docker/compose.yaml, run as plain processes: PostgreSQL, S3, both servers, workers on two machines."""

import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.compose import variables
from tests.flows import postgres
from tests.flows.server import Team, free_port
from tests.flows.topology import Topology, up
from tests.images import encoded
from tests.pipeline.servers import running
from tests.pipeline.workspaces import Sandbox, lay_out, track

STAGES = ["ingest", "validate", "split", "train@linear_probe", "select", "test", "register"]
SECRETS = {
    "POSTGRES_PASSWORD": "planted0postgres0password",
    "STORAGE_ACCESS_KEY": "planted0storage0access",
    "STORAGE_SECRET_KEY": "planted0storage0secret",
}
TOKEN = "planted0git0token"  # noqa: S105  (planted, to be looked for)
OWN = {
    "HF_TOKEN": "planted0hub0token",
    "MLFLOW_TRACKING_URI": "http://worker:planted0mlflow0password@mlflow:5000",
}
"""What whoever runs the worker sets besides."""
ZIP = "data/input/colours.zip"
COLOURS = {"red": (200, 60, 60), "blue": (60, 60, 200)}
# Images, because four processes load the model, and a text model imports transformers in each.
PARAMS = f"""
project: toy
task: image-classification
seed: 0
source: {{path: {ZIP}}}
validation:
  near_duplicate: {{policy: "off"}}
  near_conflicting_label: {{policy: "off"}}
split: {{method: official, val: 0.25, near_duplicates: null}}
backbone: {{name: timm/test_efficientnet, weights: random, image_size: 32}}
train: {{batch_size: 16, metric: accuracy}}
candidates:
  linear_probe:
    adaptation: {{method: linear_probe}}
    train: {{epochs: 10, learning_rate: 5e-2}}
selection: {{metric: accuracy, resamples: 200}}
"""
TRIALS = 4
SEARCHED: dict[str, Any] = {
    "adaptation": {"method": "linear_probe"},
    "train": {"epochs": 10, "learning_rate": {"log": [1e-3, 1e-1]}},
    "search": {"sampler": "random", "budget": {"trials": TRIALS}, "confirm": {"top": 1, "seeds": 2}},
}


def image(colour: str, seed: int) -> bytes:
    """Noise around a colour."""
    noise = np.random.default_rng([seed, *COLOURS[colour]]).normal(0, 25, (32, 32, 3))
    return encoded(Image.fromarray((np.array(COLOURS[colour]) + noise).clip(0, 255).astype(np.uint8)))


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A developer's checkout with one candidate."""
    source = tmp_path_factory.mktemp("source") / "colours.zip"
    with zipfile.ZipFile(source, "w") as archive:
        for number in range(40):
            for colour in COLOURS:
                split = "test" if number % 4 == 3 else "train"
                archive.writestr(f"colours/{split}/{colour}/{number:02}.png", image(colour, number))
    made = lay_out(tmp_path_factory.mktemp("checkout"), PARAMS, {ZIP: source}, fresh=True)
    track(made, ZIP)
    made.must("git", "update-server-info")
    return made


@pytest.fixture(scope="module")
def topology(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """compose.yaml, up, with the checkout on a git server, and its data pushed to the DVC remote."""
    root = tmp_path_factory.mktemp("compose")
    git = f"{sys.executable} -m http.server --bind 127.0.0.1 --directory {sandbox.root / '.git'} {{port}}"
    with running(git, "/HEAD", folder=root, log=root / "git.log") as address:
        repository = address.replace("http://", f"http://worker:{TOKEN}@")
        values = SECRETS | {"FINETRAIL_REPOSITORY": repository}
        made = Topology(root, values, root / "first", own={"worker": OWN})
        with up(made):
            remote = made.environment("worker")["FINETRAIL_DVC_REMOTE"]
            sandbox.must("dvc", "remote", "add", "--local", "--default", "team", remote)
            pushed = sandbox.run("dvc", "push", **storage(made))
            assert pushed.code == 0, pushed
            yield made


def storage(topology: Topology) -> dict[str, str]:
    """What a person sets to reach the object storage."""
    return {key: value for key, value in topology.environment("worker").items() if key.startswith("AWS_")}


@pytest.fixture(scope="module")
def prefect(sandbox: Sandbox, topology: Topology) -> Team:
    """The few questions that tests ask Prefect's server."""
    return Team(sandbox, {"FINETRAIL_PREFECT_PORT": str(topology.ports["prefect"])})


@pytest.fixture(scope="module")
def trained(prefect: Team, topology: Topology) -> str:
    """The first run of the deployment."""
    run = prefect.start()
    state = prefect.wait(run, 300)
    assert state["type"] == "COMPLETED", (state, prefect.logs(run)[-30:], topology.log("worker")[-3000:])
    return run


@pytest.fixture(scope="module")
def elsewhere(prefect: Team, topology: Topology, trained: str) -> str:
    """The same on another machine: the first worker is gone, and the next has an empty volume."""
    topology.stop("worker")
    topology.volume = topology.root / "second"
    topology.start("worker")
    run = prefect.start()
    state = prefect.wait(run, 300)
    assert state["type"] == "COMPLETED", (state, prefect.logs(run)[-30:], topology.log("worker")[-3000:])
    return run


@pytest.fixture(scope="module")
def searched(prefect: Team, topology: Topology, trained: str) -> str:
    """A search that two machines share: a second trainer has an empty volume."""
    prefect.branch("search", candidates={"searched": SEARCHED})
    prefect.sandbox.must("git", "update-server-info")
    topology.running["first trainer"] = topology.running.pop("trainer")
    topology.ports["trainer"], topology.volume = free_port(), topology.root / "third"
    topology.start("trainer")
    run = prefect.start(git_ref="search", fan_out="candidate/candidate", search_workers=2)
    state = prefect.wait(run, 300)
    assert state["type"] == "COMPLETED", (state, prefect.logs(run)[-30:], topology.log("trainer")[-3000:])
    return run


def keys(topology: Topology, bucket: str) -> list[str]:
    client = boto3.client(
        "s3",
        endpoint_url=topology.here("http://storage:7070"),
        aws_access_key_id=SECRETS["STORAGE_ACCESS_KEY"],
        aws_secret_access_key=SECRETS["STORAGE_SECRET_KEY"],
        region_name="us-east-1",
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [one["Key"] for page in pages for one in page.get("Contents", [])]


def rows(topology: Topology, database: str, question: str) -> list[tuple[Any, ...]]:
    return postgres.ask(topology.ports["postgres"], topology.environment("postgres"), database, question)


def test_the_deployment_runs_the_whole_pipeline(prefect: Team, trained: str) -> None:
    assert prefect.states(trained) == dict.fromkeys(["pull", *STAGES, "push"], "Completed")


def test_both_servers_keep_their_state_in_postgresql(topology: Topology, trained: str) -> None:
    assert rows(topology, "mlflow", "SELECT name, version FROM model_versions WHERE name = 'toy'") == [("toy", 1)]
    found = rows(topology, "prefect", f"SELECT state_type FROM flow_run WHERE id = '{trained}'")  # noqa: S608
    assert [str(state) for (state,) in found] == ["COMPLETED"]


def test_the_registered_version_is_loaded_from_s3_without_its_keys(
    topology: Topology, trained: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert any(key.endswith("/MLmodel") for key in keys(topology, "finetrail-mlflow"))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "path", list(sys.path))  # MLflow puts the code of a model that it loads in front
    monkeypatch.setenv("HOME", str(topology.root / "home"))  # nor are there keys in a file
    for name, value in topology.environment("worker").items():
        if name.startswith("MLFLOW_"):
            monkeypatch.setenv(name, value)
    import mlflow

    model = mlflow.pyfunc.load_model("models:/toy@challenger")
    answers = model.predict(pd.DataFrame({"image": [image("red", 99), image("blue", 99)]}))
    assert answers["label"].tolist() == ["red", "blue"]


def test_another_machine_trains_nothing_again(prefect: Team, topology: Topology, elsewhere: str) -> None:
    assert any(key.startswith("runs/") for key in keys(topology, "finetrail-dvc")), "the run-cache is not in the remote"
    assert prefect.states(elsewhere) == dict.fromkeys(STAGES, "Cached") | {"pull": "Completed", "push": "Completed"}
    assert rows(topology, "mlflow", "SELECT count(*) FROM runs") == [(1,)]
    assert rows(topology, "mlflow", "SELECT name, version FROM model_versions WHERE name = 'toy'") == [("toy", 1)]


def test_two_machines_share_a_search(prefect: Team, topology: Topology, searched: str) -> None:
    children = prefect.children(searched)
    assert {name: one["state"] for name, one in children.items()} == dict.fromkeys(
        ("searched", "searched, trials"), "COMPLETED"
    )
    logs = {name: prefect.logs(one["id"]) for name, one in children.items()}
    there = {any(str(topology.root / "third") in line for line in lines) for lines in logs.values()}
    assert there == {True, False}
    assert any(re.match(r"carried out \d trials of searched", line) for line in logs["searched, trials"])
    assert rows(topology, "studies", "SELECT state, count(*) FROM trials GROUP BY state") == [("COMPLETE", TRIALS)]
    assert prefect.states(searched)["train@searched"] == "Cached"


def test_a_cancelled_search_ends_everywhere(prefect: Team, topology: Topology, searched: str) -> None:
    long = SEARCHED | {"adaptation": {"method": "full"}, "train": SEARCHED["train"] | {"epochs": 3000}}
    prefect.branch("long", candidates={"long": long})
    prefect.sandbox.must("git", "update-server-info")
    run = prefect.start(git_ref="long", fan_out="candidate/candidate", search_workers=2)
    end = time.monotonic() + 200
    while rows(topology, "studies", "SELECT count(*) FROM trials WHERE state = 'RUNNING'") != [(2,)]:
        assert time.monotonic() < end, prefect.logs(run)[-20:]
        time.sleep(0.5)
    prefect.ask(f"flow_runs/{run}/set_state", state={"type": "CANCELLING"})
    assert prefect.wait(run, 60)["type"] == "CANCELLED"
    states = [prefect.wait(one["id"], 60)["type"] for one in prefect.children(run).values()]
    assert states == ["CANCELLED"] * 2
    while rows(topology, "studies", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") != [(0,)]:
        assert time.monotonic() < end
        time.sleep(0.5)


def test_no_secret_is_written_anywhere(
    prefect: Team, topology: Topology, trained: str, elsewhere: str, searched: str
) -> None:
    """Passwords, keys and tokens in addresses: not in logs, runs, artifacts, tables, or files of a volume."""
    seen = {f"log of {name}": topology.log(name) for name in ("mlflow", "prefect", "worker", "trainer")}
    for run in (trained, elsewhere, searched, *(one["id"] for one in prefect.children(searched).values())):
        seen[f"Prefect's log of {run}"] = "\n".join(prefect.logs(run))
        seen[f"artifacts of {run}"] = str(prefect.artifacts(run))
    for database in ("mlflow", "prefect", "studies"):
        tables = rows(topology, database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert len(tables) > 10
        for (table,) in tables:
            seen[f"{database}.{table}"] = str(rows(topology, database, f'SELECT * FROM "{table}"'))  # noqa: S608
    for folder in ("first", "second", "third", "home"):
        files = [path for path in (topology.root / folder).rglob("*") if path.is_file()]
        seen |= {str(path): path.read_text(encoding="utf-8", errors="replace") for path in files}
    assert "trained linear_probe" in seen[f"Prefect's log of {trained}"]
    planted = [*SECRETS.values(), TOKEN, "planted0hub0token", "planted0mlflow0password"]
    assert [(where, one) for where, text in seen.items() for one in planted if one in text] == []


def test_mlflow_answers_by_the_names_in_the_file_alone(topology: Topology) -> None:
    address = topology.here("http://127.0.0.1:5000")
    question = f"{address}/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert httpx.get(question).status_code == httpx.codes.OK
    assert httpx.get(question, headers={"Host": "elsewhere.example"}).status_code == httpx.codes.FORBIDDEN


def test_what_runs_once_may_run_again(prefect: Team, topology: Topology) -> None:
    before = prefect.ask("automations/filter", sort="CREATED_DESC")
    topology.run("buckets")
    topology.run("deployments")
    deployed = prefect.ask("deployments/filter", sort="NAME_ASC")
    assert [one["name"] for one in deployed] == ["candidate", "evaluate", "finetune", "new-data", "promote"]
    assert len(before) == 1
    # Not even touched: a change makes the server forget which runs it waits to hear from.
    assert prefect.ask("automations/filter", sort="CREATED_DESC") == before


def test_a_pool_of_containers_can_be_made(prefect: Team, topology: Topology) -> None:
    environment = topology.environment("worker")
    del environment["FINETRAIL_REPOSITORY"], environment["MLFLOW_TRACKING_URI"]  # here they have secrets in them
    command = [sys.executable, "-m", "flows.pool", "kubernetes", "--name", "cluster"]
    done = subprocess.run(command, cwd=topology.app, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = prefect.ask("work_pools/cluster")
    assert made["type"] == "kubernetes"
    variables = made["base_job_template"]["variables"]["properties"]
    assert variables["env"]["default"]["FINETRAIL_DVC_REMOTE"] == "s3://finetrail-dvc"
    assert variables["env"]["default"]["PREFECT_API_URL"] == topology.here("http://prefect:4200/api")
    assert not any(secret in str(made) for secret in SECRETS.values())


def test_a_service_without_its_secret_does_not_start(topology: Topology) -> None:
    required = [name for name, how in variables().items() if how == ":?"]
    assert sorted(required) == sorted(SECRETS)
    for name in required:
        with pytest.raises(KeyError, match=name):
            Topology(topology.root, SECRETS | {name: ""}, topology.volume).environment("worker")
