"""Somebody may write to MLflow: what was not registered is neither run, nor loaded, nor believed."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from finetrail.runs.tracking import tracking_uri
from tests.pipeline.challengers import challenge, client, sharper
from tests.pipeline.workspaces import CSV, Sandbox

EVIL = "import pathlib\npathlib.Path({!r}).write_text('ran')\nraise ImportError('none')\n"
ODD = """
class Odd(Served):
    def predict(self, *given, **more):
        return super().predict(*given, **more).assign(label="odd")

set_model(Odd())
"""
COMMANDS = ("predict data/input/toy.csv scored.csv", "evaluate", "export exported", "promote --dry-run", "verify")


def served(sandbox: Sandbox) -> Path:
    """The registered files of version 1."""
    (document,) = (sandbox.root / ".finetrail").rglob("lineage.json")
    return document.parents[1]


@contextmanager
def altered(path: Path, change: Callable[[bytes], bytes]) -> Iterator[None]:
    before = path.read_bytes()
    path.write_bytes(change(before))
    try:
        yield
    finally:
        path.write_bytes(before)


def refused(sandbox: Sandbox, command: str) -> str:
    """What a command says that must fail."""
    done = sandbox.finetrail(*command.split())
    assert done.code in (6, 11), done
    return done.out + done.err


@pytest.mark.parametrize(
    "path",
    [
        "served.py",
        "MLmodel",
        "requirements.txt",
        "conda.yaml",
        "code/finetrail/errors.py",
        "artifacts/full/model.json",
        "artifacts/full/model.safetensors",
        "artifacts/lineage.json",
    ],
)
def test_an_edited_file_is_named_before_it_is_loaded(registered: Sandbox, path: str) -> None:
    with altered(served(registered) / path, lambda data: data + b" "):
        assert f"models:/toy/1 is not what was registered: {path} was altered; restore" in refused(
            registered, COMMANDS[0]
        )
    assert not (registered.root / "scored.csv").exists()


@pytest.mark.parametrize("command", [*COMMANDS, f"predict {CSV} scored.csv --as-served"])
def test_a_module_laid_beside_the_code_is_never_run(registered: Sandbox, tmp_path: Path, command: str) -> None:
    beside = served(registered) / "code" / "tokenizers.py"
    beside.write_text(EVIL.format(str(tmp_path / "ran")))
    try:
        assert "code/tokenizers.py was added" in refused(registered, command)
    finally:
        beside.unlink()
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_gone_is_named(registered: Sandbox, tmp_path: Path) -> None:
    path = served(registered) / "input_example.json"
    aside = path.rename(tmp_path / "aside")
    try:
        assert "input_example.json is missing" in refused(registered, COMMANDS[0])
    finally:
        aside.rename(path)


def test_compiled_code_in_the_store_is_neither_run_nor_proven(registered: Sandbox) -> None:
    folder = served(registered) / "code" / "finetrail" / "__pycache__"
    folder.mkdir()
    (folder / "errors.cpython-311.pyc").write_bytes(b"not what Python wrote")
    try:
        done = registered.finetrail("verify", "--strict")
        assert "UNREACHABLE  registered files: compiled code beside the registered files" in done.out
        assert done.code == 11
        assert registered.finetrail("predict", CSV, "scored.csv", "--as-served").code == 0
    finally:
        shutil.rmtree(folder)
        (registered.root / "scored.csv").unlink()


def test_copied_tags_do_not_make_a_version(gated: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoy with the tags of version 1 and other weights is not found again, followed, or used."""
    assert challenge(gated, sharper) == 2
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(gated.paths))  # MLflow looks a `model_id` up there
    registry = client(gated)
    one, two = (registry.get_model_version("toy", number) for number in ("1", "2"))
    decoy = registry.create_model_version("toy", two.source, two.run_id, tags=dict(one.tags), model_id=two.model_id)
    assert decoy.version == "3" or int(decoy.version) == 3
    said = gated.finetrail("register")
    assert said.out.startswith("found again: models:/toy/1, also models:/toy@challenger"), said
    gated.finetrail("show")
    assert int(registry.get_model_version_by_alias("toy", "challenger").version) == 1
    done = gated.finetrail("predict", CSV, "scored.csv", "--model", "3")
    assert done.error.startswith(
        "TrackingError: the ledger of 'toy' has no registration of models:/toy/3 as it is tagged"
    )


def test_where_the_registered_files_are_no_longer_whole_they_are_registered_anew(
    gated: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """The remedy that the errors name."""
    weights = served(gated) / "artifacts" / "full" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    done = gated.finetrail("register")
    assert done.out.startswith("registered: models:/toy/2"), done
    assert "models:/toy/1 is not taken for this model" in caplog.text
    assert gated.finetrail("predict", CSV, "scored.csv", "--model", "2").code == 0


def test_as_served_the_registered_code_answers_and_else_the_installed_one(
    gated: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier finetrail may answer otherwise than this one: here a version is sealed whose code does."""
    import mlflow.pyfunc

    def saved(path: str, **more: Any) -> None:
        save(path=path, **more)
        code = Path(path) / "served.py"
        code.write_text(code.read_text().replace("set_model(Served())", ODD))

    save = mlflow.pyfunc.save_model
    monkeypatch.setattr(mlflow.pyfunc, "save_model", saved)
    assert challenge(gated, sharper) == 2
    for options, odd in ((("--model", "2"), False), (("--model", "2", "--as-served"), True)):
        done = gated.finetrail("predict", CSV, "scored.csv", *options)
        assert done.code == 0, done
        assert (set(pd.read_csv(gated.root / "scored.csv")["predicted_label"]) == {"odd"}) == odd


def test_a_folder_that_nobody_served_has_no_code_to_answer(registered: Sandbox) -> None:
    done = registered.finetrail("predict", CSV, "scored.csv", "--model", "full", "--as-served")
    assert done.error.startswith("ConfigError: ")
    assert done.error.endswith("data/models/full is not served: it has no MLmodel; leave out --as-served")


def test_nothing_is_exported_into_gits_own_folder(registered: Sandbox) -> None:
    done = registered.finetrail("export", ".git/exported", "--model", "full")
    assert done.error == "ConfigError: .git/exported lies in a folder of git's own; name another folder"
    assert not (registered.root / ".git" / "exported").exists()
