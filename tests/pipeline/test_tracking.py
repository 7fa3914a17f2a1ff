"""MLflow after a run of the pipeline: it says which candidate is best, why, and what each was made from."""

import getpass
import subprocess
from typing import TYPE_CHECKING

import pytest

from finetrail.locations import sha256_of
from finetrail.runs.curves import read_curve
from finetrail.runs.hashes import hash_folder
from finetrail.runs.tracking import connect, tracking_uri
from finetrail.workspace import read_json
from tests.pipeline import forks
from tests.pipeline.workspaces import CANDIDATES, Sandbox

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@pytest.fixture(scope="module")
def client(finished: Sandbox) -> "MlflowClient":
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri(finished.paths))


@pytest.fixture(scope="module")
def runs(client: "MlflowClient") -> "dict[str, Run]":
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    assert sorted(run.data.tags["finetrail.candidate"] for run in found) == sorted(CANDIDATES), "one run a candidate"
    return {run.data.tags["finetrail.candidate"]: run for run in found}


def test_a_run_is_called_by_what_tells_it_from_others(runs: "dict[str, Run]") -> None:
    tags = runs["full"].data.tags
    assert runs["full"].info.run_name == f"full · lr 4e-3 · {tags['finetrail.fingerprint'][:6]}"
    assert (tags["mlflow.user"], tags["mlflow.source.name"]) == (getpass.getuser(), "dvc repro train@full")


def test_each_run_is_finished_and_is_the_one_that_the_files_name(finished: Sandbox, runs: "dict[str, Run]") -> None:
    for name, run in runs.items():
        assert run.info.status == "FINISHED"
        assert run.info.run_id == read_json(finished.paths.run(name).record)["run_id"]


def test_params_are_every_setting_by_its_dotted_name(runs: "dict[str, Run]") -> None:
    full, lora = runs["full"].data.params, runs["lora"].data.params
    assert full["adaptation.method"] == "full"
    assert (lora["adaptation.r"], lora["adaptation.alpha"]) == ("4", "8.0")
    assert (full["train.learning_rate"], full["train.epochs"], full["train.batch_size"]) == ("0.004", "3", "16")
    assert (full["backbone.weights"], full["backbone.max_tokens"]) == ("data/weights/tiny-bert", "32")
    assert (full["task"], full["seed"]) == ("text-classification", "0")
    assert full["problem_type"] == "single_label_classification"


@pytest.mark.parametrize("name", CANDIDATES)
@pytest.mark.parametrize("curve", ["train", "val"])
def test_curves_have_every_point_of_the_files(
    finished: Sandbox, client: "MlflowClient", runs: "dict[str, Run]", name: str, curve: str
) -> None:
    paths = finished.paths.run(name)
    points = read_curve(paths.train_curve if curve == "train" else paths.val_curve)
    assert len(points) >= 2
    for metric in set(points[0]) - {"step", "epoch"}:
        history = client.get_metric_history(runs[name].info.run_id, f"{curve}/{metric}")
        assert [(one.step, one.value) for one in sorted(history, key=lambda one: one.step)] == [
            (point["step"], point[metric]) for point in points
        ]


@pytest.mark.parametrize("name", CANDIDATES)
def test_candidates_can_be_compared_by_score_size_and_cost(
    finished: Sandbox, runs: "dict[str, Run]", name: str
) -> None:
    shown, written = runs[name].data.metrics, read_json(finished.paths.run(name).details)
    for metric, value in written["val"].items():
        assert shown[f"val_{metric}"] == value
    assert shown["trainable_parameters"] == written["parameters"]["trainable"]
    assert shown["total_parameters"] == written["parameters"]["total"]
    assert shown["seconds"] > 0
    assert shown["samples_per_second"] > 0
    assert 50 < shown["peak_memory_mb"] < 20_000


def test_the_cheaper_methods_train_fewer_parameters(runs: "dict[str, Run]") -> None:
    trained = [runs[name].data.metrics["trainable_parameters"] for name in CANDIDATES]
    assert trained == sorted(trained)
    assert trained[0] == 2 * 2 * 4 * (32 + 32) + 32 * 3 + 3, "query and value of two layers, and the head"


def test_data_sets_are_named_with_their_digests(finished: Sandbox, runs: "dict[str, Run]") -> None:
    for run in runs.values():
        found = {
            entry.dataset.name: (entry.dataset.digest, {tag.key: tag.value for tag in entry.tags})
            for entry in run.inputs.dataset_inputs
        }
        assert found == {
            split: (hash_folder(finished.paths.split(split))[:36], {"mlflow.data.context": context})
            for split, context in (("train", "training"), ("val", "validation"))
        }


def test_tags_lead_back_to_code_data_and_settings(finished: Sandbox, runs: "dict[str, Run]") -> None:
    first = subprocess.run(
        ["git", "rev-list", "--max-parents=0", "HEAD"], cwd=finished.root, capture_output=True, text=True, check=True
    )
    for name, run in runs.items():
        tags = run.data.tags
        assert tags["mlflow.source.git.commit"] == first.stdout.strip(), "the commit that it was trained at"
        assert tags["finetrail.git_dirty"] == "no"
        assert tags["finetrail.dvc_stage"] == f"train@{name}"
        assert tags["finetrail.params_sha256"] == sha256_of(finished.paths.params)
        assert tags["finetrail.data_sha256"] == sha256_of(finished.paths.manifest)
        assert tags["finetrail.split_sha256"] == sha256_of(finished.paths.split_report)
        assert tags["finetrail.lock_sha256"] == sha256_of(finished.paths.lock)
        assert tags["finetrail.validation"] == "passed: 236 of 239 rows, 3 quarantined"


def test_the_chosen_run_says_so_and_why(finished: Sandbox, runs: "dict[str, Run]") -> None:
    choice = read_json(finished.paths.selection_report)
    for name, run in runs.items():
        assert run.data.tags["finetrail.chosen"] == ("yes" if name == choice["chosen"] else "no")
        assert run.data.tags["mlflow.note.content"] == choice["reason"]
    ranks = sorted(runs, key=lambda name: int(runs[name].data.tags["finetrail.rank"]))
    assert ranks == [one["candidate"] for one in choice["ranking"]]


def test_only_the_chosen_run_has_test_scores_and_the_report(
    finished: Sandbox, client: "MlflowClient", runs: "dict[str, Run]"
) -> None:
    chosen = read_json(finished.paths.selection_report)["chosen"]
    scores = read_json(finished.paths.test_details)["test"]
    for name, run in runs.items():
        tested = {key for key in run.data.metrics if key.startswith("test_")}
        files = [file.path for file in client.list_artifacts(run.info.run_id, "test")]
        if name == chosen:
            assert run.data.metrics["test_macro_f1"] == scores["macro_f1"]
            assert "test/report.html" in files
        else:
            assert (tested, files) == (set(), [])


def test_the_address_in_the_environment_is_respected(plain: Sandbox) -> None:
    from mlflow import MlflowClient

    elsewhere = f"sqlite:///{plain.root / 'elsewhere.db'}"
    assert plain.finetrail("train", "linear_probe", MLFLOW_TRACKING_URI=elsewhere).code == 0
    assert MlflowClient(elsewhere).get_experiment_by_name("toy") is not None
    trained = read_json(plain.paths.run("linear_probe").details)["parameters"]["trainable"]
    assert trained == 32 * 3 + 3, "the head alone"
    assert not (plain.root / ".finetrail" / "mlflow" / "mlflow.db").exists()


def test_processes_that_meet_a_fresh_database_at_once_do_not_spoil_it(plain: Sandbox) -> None:
    from mlflow import MlflowClient

    processes = [forks.begin(connect, plain.paths, "toy") for _ in range(2)]
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert MlflowClient(tracking_uri(plain.paths)).get_experiment_by_name("toy") is not None
