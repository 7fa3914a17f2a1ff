"""A disk that is full while a stage writes: a real one, see small_disk.py."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finetrail.runs.tracking import tracking_uri
from tests.pipeline.workspaces import REPOSITORY, Outcome, Sandbox

Answers = dict[str, dict[str, Any]]
Cases = dict[str, tuple[list[str], str, int]]

# command, the folder whose disk is full, and how many KiB are left there
CASES: Cases = {
    "ingest": (["ingest"], "data", 4),
    "validate": (["validate"], "data", 8),
    "split": (["split"], "data", 8),
    "model": (["train", "full"], "data", 60),
    "checkpoint": (["train", "lora"], ".finetrail/checkpoints", 0),
    "select": (["select"], "data", 0),
    "report": (["test"], "data", 16),
    "registry": (["register"], ".finetrail/mlflow/artifacts", 8),
}


def try_with_a_full_disk(sandbox: Sandbox, unshare: list[str], cases: Cases) -> Answers:
    """What commands do while a disk is full, by the name of the case; see small_disk.py."""
    results = sandbox.root.parent / "results.json"
    script = [sys.executable, str(Path(__file__).with_name("small_disk.py"))]
    done = subprocess.run(
        [*unshare, *script, str(sandbox.root), json.dumps(cases), str(results)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(REPOSITORY), os.environ.get("PYTHONPATH", "")))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: Answers = json.loads(results.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def workspace(finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return finished.copy(tmp_path_factory.mktemp("full") / "workspace")


@pytest.fixture(scope="module")
def answers(workspace: Sandbox, unshare: list[str]) -> Answers:
    return try_with_a_full_disk(workspace, unshare, CASES)


@pytest.mark.parametrize("case", CASES)
def test_it_says_so_in_one_line_and_leaves_the_earlier_results(answers: Answers, case: str) -> None:
    answer = answers[case]
    done = Outcome(answer["code"], answer["out"], answer["err"])
    assert done.error.startswith("WorkspaceError: no space is left on the disk (")
    assert "the earlier results are untouched" in done.error
    assert done.code == 7
    assert answer["changed"] == []
    if case != "registry":  # MLflow leaves what it had copied; the version was not made
        assert [name for name in answer["left"] if not name.endswith(".lock")] == []


def test_a_registration_that_failed_can_be_made_up_for(answers: Answers, workspace: Sandbox) -> None:
    """The run that trained the model is still the one to register from."""
    from mlflow import MlflowClient

    done = workspace.finetrail("register")
    assert (done.code, done.out) == (0, "registered: models:/toy/1, also models:/toy@challenger\n")
    client = MlflowClient(tracking_uri(workspace.paths))
    version = client.get_model_version_by_alias("toy", "challenger")
    runs = client.search_runs(
        [client.get_run(version.run_id).info.experiment_id], "tags.`finetrail.candidate` = 'full'"
    )
    # The one that found no place for its model, and the one that was registered from.
    assert {run.info.run_id == version.run_id: run.info.status for run in runs} == {False: "FAILED", True: "FINISHED"}
    assert len(runs) == 2
