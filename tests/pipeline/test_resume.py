"""Trainings that are killed and run again: the same bytes, and one run of MLflow with every point once."""

import hashlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ruamel.yaml import YAML

from tests.pipeline import forks
from tests.pipeline.test_disk_full import try_with_a_full_disk
from tests.pipeline.trainings import SETTINGS, after, check_run, database, folder, newest, results, runs, train
from tests.pipeline.workspaces import Sandbox, contents, wait


def test_killed_at_every_moment_it_ends_with_the_bytes_of_one_that_was_not(workspace: Sandbox, whole: Sandbox) -> None:
    def kill(when: Callable[[], bool]) -> str:
        return forks.start(workspace, "train", "full").kill(when).err

    with closing(database(workspace)) as shown:
        # Before MLflow has heard what the run is made from.
        assert kill(lambda: shown.execute("SELECT count(*) FROM runs").fetchone()[0] > 0) == ""
    assert not list(folder(workspace).glob("step-*"))
    kill(after(workspace, 9))
    saved = newest(workspace)
    assert saved < 17, "in the midst of an epoch"
    assert kill((folder(workspace) / "unnamed.partial.partial").exists).startswith(
        f"warning: training resumes after step {saved} of 34\n"
    )
    damaged = max(folder(workspace).glob("step-*"))
    damaged.write_bytes(damaged.read_bytes()[:-100])
    before = newest(workspace)
    told = kill(after(workspace, 21))  # an evaluation follows
    assert told.splitlines()[0].startswith(f"warning: {damaged.name} is damaged; the checkpoint before it is used")
    assert f"resumes after step {before - 1} of 34" in told
    kill((workspace.root / "data" / "models" / "full.partial").exists)
    with closing(database(workspace)) as held:
        fork = forks.start(workspace, "train", "full")

        def outs_are_there() -> bool:
            if not held.in_transaction and (workspace.root / "data" / "models" / "full.partial").exists():
                held.execute("BEGIN EXCLUSIVE")  # so that it cannot come to its end
            return workspace.paths.run("full").record.exists() and held.in_transaction

        shutil.rmtree(workspace.root / "data" / "models")
        fork.kill(outs_are_there)
    assert train(workspace).startswith("warning: training resumes after step 34 of 34\n")
    assert results(workspace) == results(whole)
    (run,) = runs(workspace)
    check_run(workspace, run)
    (whole_run,) = runs(whole)
    check_run(whole, whole_run)
    assert not list(workspace.root.glob("data/*/*.partial"))
    assert not list(folder(workspace).glob("*.safetensors"))


def test_killed_while_its_texts_vary_it_ends_with_the_same_bytes(workspace: Sandbox, tmp_path: Path) -> None:
    workspace.edit("candidates.full.train.augment", {"perturbations": ["typos", "drop_words"]})
    unbroken = workspace.twin(tmp_path / "unbroken")
    assert train(unbroken) == ""
    forks.start(workspace, "train", "full").kill(after(workspace, 9))
    assert "warning: training resumes after step" in train(workspace)
    assert results(workspace) == results(unbroken)


def test_a_disk_that_is_full_costs_no_checkpoint(workspace: Sandbox, whole: Sandbox, unshare: list[str]) -> None:
    forks.start(workspace, "train", "full").kill(after(workspace, 9))
    for partial in folder(workspace).glob("*.partial"):
        partial.unlink()
    before = contents(folder(workspace))
    case = {"checkpoint": (["train", "full"], ".finetrail/checkpoints", 100)}
    answer = try_with_a_full_disk(workspace, unshare, case)["checkpoint"]
    told, error = answer["err"].splitlines()
    assert "training resumes after step" in told
    assert error.startswith("WorkspaceError: no space is left on the disk (")
    assert answer["code"] == 7
    assert answer["changed"] == []
    assert contents(folder(workspace)) == before
    assert "warning: training resumes after step" in train(workspace)
    assert results(workspace) == results(whole)
    (run,) = runs(workspace)
    check_run(workspace, run)


def test_killed_with_all_of_dvc_it_goes_on_at_the_next_repro(sandbox: Sandbox, whole: Sandbox) -> None:
    sandbox.edit("candidates.full.train", SETTINGS)
    sandbox.edit("backbone.dropout", 0.1)
    repro = sandbox.start("dvc", "repro", "train@full")
    while newest(sandbox) < 20:
        assert repro.poll() is None, repro.communicate()
        time.sleep(0.001)
    os.killpg(repro.pid, signal.SIGKILL)
    wait(repro)
    assert not sandbox.paths.run("full").record.exists(), "DVC has removed the outs"
    done = sandbox.run("dvc", "repro", "train@full")
    assert done.code == 0, done
    assert sandbox.stages_of(done) == ["train@full"]
    assert "warning: training resumes after step 2" in done.err
    assert results(sandbox) == results(whole)
    locked = YAML(typ="safe").load((sandbox.root / "dvc.lock").read_text(encoding="utf-8"))["stages"]["train@full"]
    hashes = {out["path"]: out["md5"] for out in locked["outs"]}
    for name in ("metrics.json", "details.json", "train.csv", "val.csv", "predictions.parquet", "seen.json"):
        path = f"data/runs/full/{name}"
        assert hashes[path] == hashlib.md5((whole.root / path).read_bytes(), usedforsecurity=False).hexdigest()
    (run,) = runs(sandbox)
    check_run(sandbox, run)


def test_a_database_that_was_lost_gets_a_complete_run(workspace: Sandbox, trainable: Sandbox) -> None:
    forks.start(workspace, "train", "full").kill(after(workspace, 20))
    shutil.rmtree(workspace.root / ".finetrail" / "mlflow")
    shutil.copytree(trainable.root / ".finetrail" / "mlflow", workspace.root / ".finetrail" / "mlflow")
    assert "training resumes after step" in train(workspace)
    (run,) = runs(workspace)
    check_run(workspace, run)


def test_what_was_not_sent_when_it_was_killed_is_sent_later(workspace: Sandbox) -> None:
    fork = forks.start(workspace, "train", "full")
    while newest(workspace) < 5:
        assert fork.process.is_alive(), fork.wait()
        time.sleep(0.001)
    with closing(database(workspace)) as away:
        away.execute("ALTER TABLE metrics RENAME TO away")
        assert "points wait" in fork.kill(after(workspace, 20)).err
        away.execute("ALTER TABLE away RENAME TO metrics")
    train(workspace)
    (run,) = runs(workspace)
    check_run(workspace, run)
