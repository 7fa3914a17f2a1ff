"""Every command over every half-made workspace does what it is for, or says in one line what is missing."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.pipeline import stages
from tests.pipeline.workspaces import Outcome, Sandbox

# The stages in their order, with what each writes.
OUTS = {
    "ingest": ("raw",),
    "validate": ("reports/validation",),
    "split": ("splits",),
    "train": ("models", "runs"),
    "select": ("selection",),
    "test": ("reports/test",),
    "register": ("registration.json",),
}
READERS = (
    ("check",),
    ("show",),
    ("compare",),
    ("models",),
    ("history",),
    ("verify",),
    ("evaluate",),
    ("promote", "--dry-run"),
    ("rollback",),
    ("predict", "in.csv", "out.csv"),
    ("predict", "in.csv", "out.csv", "--model", "full"),
    ("predict", "in.csv", "out.csv", "--model", "data/models/full"),
    ("export", "exported", "--model", "full", "--force"),
)

UNTOUCHED = ("check", "models", "history", "evaluate", "rollback", "promote")
"""Those that read none of these outs, or the split that is whole: the stages before tell enough of them."""


@pytest.fixture(scope="module")
def base(finished: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A whole workspace, its version registered, with a file to score."""
    base = finished.copy(tmp_path_factory.mktemp("half") / "workspace")
    (base.root / "in.csv").write_text("text\nbake the bread\nsnow and storm\n", encoding="utf-8")
    assert base.finetrail("register").code == 0
    return base


@pytest.fixture
def half(base: Sandbox, tmp_path: Path) -> Iterator[Sandbox]:
    """The same: outs and settings may be broken, and are put back."""
    data, params = base.root / "data", base.paths.params
    shutil.copytree(data, tmp_path / "data", symlinks=True)
    shutil.copyfile(params, tmp_path / "params.yaml")
    yield base
    shutil.rmtree(data)
    shutil.move(tmp_path / "data", data)
    shutil.move(tmp_path / "params.yaml", params)
    shutil.rmtree(base.root / "exported", ignore_errors=True)
    (base.root / "out.csv").unlink(missing_ok=True)


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def check(sandbox: Sandbox, *command: str) -> Outcome:
    """Run a command: a traceback fails the test, and an error that is not one line does too."""
    done = sandbox.finetrail(*command)
    if done.code != 0:
        assert re.search(r"[;:] \S", done.error.partition(": ")[2]), (command, done.error)
    return done


# The whole ones first: an export soon after another one finds the server of the clean processes still there.
@pytest.mark.parametrize("last", [*reversed(OUTS), "nothing"])
def test_cut_off_after_a_stage(half: Sandbox, last: str) -> None:
    stages = list(OUTS)
    made = stages.index(last) + 1 if last in stages else 0
    for stage in stages[made:]:
        for out in OUTS[stage]:
            remove(half.root / "data" / out)
    for command in READERS:
        check(half, *command)
    # Of the stages, those that cannot work yet: the next one could.
    for stage in stages[made + 1 :]:
        done = check(half, stage, *(["full"] if stage == "train" else []))
        assert done.code != 0, (stage, done)


# What DVC restores or loses as one; the outs that a stage has alone are those of the test above. Two more are files.
SINGLE = [
    out.removeprefix("data/").replace("${key}", "full")
    for stage in stages().values()
    if len(stage.outs) > 1 and stage.name in OUTS
    for out in stage.outs
] + ["models/full/model.json", "models/full/model.safetensors", "reports/validation/validation.json"]


@pytest.mark.parametrize("out", SINGLE)
def test_without_one_out(half: Sandbox, out: str) -> None:
    remove(half.root / "data" / out)
    for command in READERS:
        reads = command[0] != "export" or not out.startswith("reports/")
        if command[0] not in UNTOUCHED and reads:
            check(half, *command)
    check(half, "select")


def test_a_training_that_failed_is_named_by_the_commands_that_come_after(half: Sandbox) -> None:
    for out in ("models/full", "runs/full"):
        remove(half.root / "data" / out)
    done = half.finetrail("show")
    assert done.error == (
        f"WorkspaceError: {half.paths.run('full').record} does not exist: it is written by `train`; run `dvc repro` or "
        "`finetrail train full`"
    )


def test_splits_of_another_task(half: Sandbox) -> None:
    half.edit("task", "text-regression")
    half.edit("validation", {})
    for stage in ("validate", "split", "train full", "select", "test", "register", "show", "compare"):
        check(half, *stage.split())
