"""A fresh clone, with DVC's storage and an empty MLflow database: nothing is trained again, and the runs come back."""

from typing import TYPE_CHECKING

import pytest

from finetrail.runs.curves import read_curve
from finetrail.runs.record import final_metrics
from finetrail.runs.tracking import tracking_uri
from finetrail.workspace import read_json
from tests.pipeline.workspaces import CANDIDATES, Sandbox, contents

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@pytest.fixture(scope="module")
def runs(registered: Sandbox) -> "dict[str, tuple[MlflowClient, Run]]":
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri(registered.paths))
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    return {run.data.tags["finetrail.candidate"]: (client, run) for run in found}


def test_a_clone_has_every_result_and_runs_nothing(finished: Sandbox, clone: Sandbox) -> None:
    assert contents(clone.root / "data") == contents(finished.root / "data")
    done = clone.run("dvc", "repro")
    assert (done.code, clone.stages_of(done)) == (0, [])
    assert clone.must("git", "status", "--porcelain") == ""


@pytest.mark.parametrize("name", CANDIDATES)
def test_a_lost_run_is_rebuilt_from_its_files_and_says_so(
    registered: Sandbox, runs: "dict[str, tuple[MlflowClient, Run]]", name: str
) -> None:
    assert set(runs) == set(CANDIDATES), "one run a candidate"
    client, run = runs[name]
    paths = registered.paths.run(name)
    record = read_json(paths.record)
    assert run.info.status == "FINISHED"
    assert run.info.run_id != record["run_id"]
    assert run.data.tags["finetrail.rebuilt_from"] == record["run_id"]
    assert run.data.params == record["params"]
    assert {entry.dataset.name for entry in run.inputs.dataset_inputs} == {"train", "val"}
    for metric, value in final_metrics(read_json(paths.details), record["measured"]).items():
        assert run.data.metrics[metric] == value
    history = client.get_metric_history(run.info.run_id, "val/macro_f1")
    assert [one.value for one in sorted(history, key=lambda one: one.step)] == [
        point["macro_f1"] for point in read_curve(paths.val_curve)
    ]


def test_the_model_is_registered_there_too_with_the_same_fingerprint(
    registered: Sandbox, finished: Sandbox, runs: "dict[str, tuple[MlflowClient, Run]]"
) -> None:
    client, _ = runs["full"]
    version = client.get_model_version_by_alias("toy", "challenger")
    written = read_json(finished.paths.registration)
    assert version.tags["finetrail.fingerprint"] == written["fingerprint"]
    assert version.run_id == runs[written["candidate"]][1].info.run_id


def test_what_stages_write_does_not_depend_on_what_the_server_knows(registered: Sandbox, finished: Sandbox) -> None:
    """A stage is a function of files: registering in a clone leaves its outs as they are in git."""
    assert contents(registered.root / "data") == contents(finished.root / "data")


def test_doing_it_again_makes_no_second_run_or_version(
    registered: Sandbox, runs: "dict[str, tuple[MlflowClient, Run]]"
) -> None:
    client, run = runs["full"]
    for stage in ("select", "register"):
        assert registered.finetrail(stage).code == 0
    assert len(client.search_runs([run.info.experiment_id])) == len(CANDIDATES)
    assert len(client.search_model_versions("name = 'toy'")) == 1
