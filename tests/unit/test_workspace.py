"""Files that appear whole or not at all."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.errors import WorkspaceError
from finetrail.run_paths import RunPaths
from finetrail.workspace import Workspace, need, read_json, replacing, write_json

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def earlier_result(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    return folder


def test_a_block_that_succeeds_replaces_all_of_the_earlier_result(tmp_path: Path) -> None:
    folder = earlier_result(tmp_path)
    with replacing(folder) as partial:
        (partial / "new.txt").write_text("new")
        assert names(folder) == ["old.txt"]  # still the old one while the block runs
    assert names(tmp_path) == ["out", "out/new.txt"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_fails_leaves_the_earlier_result_and_nothing_else(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    folder = earlier_result(tmp_path)

    def fail_half_way() -> None:
        with replacing(folder) as partial:
            (partial / "new.txt").write_text("half")
            raise failure

    with pytest.raises(failure):
        fail_half_way()
    assert names(tmp_path) == ["out", "out/old.txt"]
    assert (folder / "old.txt").read_text() == "old"


def test_makes_a_folder_where_there_was_none_with_its_parents(tmp_path: Path) -> None:
    with replacing(tmp_path / "a" / "b") as partial:
        (partial / "new.txt").write_text("new")
    assert names(tmp_path) == ["a", "a/b", "a/b/new.txt"]


def test_what_a_killed_process_left_half_written_does_not_get_into_the_result(tmp_path: Path) -> None:
    left = tmp_path / "out.partial"
    left.mkdir()
    (left / "torn.txt").write_text("torn")
    with replacing(tmp_path / "out") as partial:
        assert names(partial) == []
    assert names(tmp_path) == ["out"]


@given(VALUES)
def test_json_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "round" / "trip.json"
    write_json(path, value)
    assert read_json(path) == value
    assert names(path.parent) == ["trip.json"]


@given(st.dictionaries(st.text(), SCALARS, min_size=2))
def test_equal_values_are_equal_bytes_whatever_the_order_of_their_keys(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, Any]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    write_json(folder / "one.json", value)
    write_json(folder / "two.json", dict(reversed(value.items())))
    assert (folder / "one.json").read_bytes() == (folder / "two.json").read_bytes()


def test_json_is_for_people_too(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": "größer", "a": [1, math.pi]})
    assert (tmp_path / "a.json").read_bytes() == (
        '{\n  "a": [\n    1,\n    3.141592653589793\n  ],\n  "b": "größer"\n}\n'.encode()
    )


def test_a_value_that_is_no_json_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"kept": True})
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(path, {"kept": object()})
    assert json.loads(path.read_text()) == {"kept": True}
    assert names(tmp_path) == ["a.json"]


def test_a_missing_input_is_named_with_the_stage_that_writes_it(tmp_path: Path) -> None:
    assert need(tmp_path, "ingest") == tmp_path
    with pytest.raises(WorkspaceError, match="raw does not exist: it is written by `ingest`; run `dvc repro` or "):
        need(tmp_path / "raw", "ingest")


@pytest.mark.parametrize("below", ["", "problems/toy"])
@pytest.mark.parametrize("dvc", ["", "problems/toy"])
def test_an_experiment_in_a_copy_knows_what_it_is_a_copy_of(tmp_path: Path, below: str, dvc: str) -> None:
    """DVC's own folder lies at the top of the repository, or in the workspace: `dvc init --subdir`."""
    original = Workspace(tmp_path / below)
    copy = Workspace(tmp_path / dvc / ".dvc" / "tmp" / "exps" / "tmpa1b2c3" / below)
    for workspace in (original, copy):
        workspace.root.mkdir(parents=True, exist_ok=True)
        workspace.params.touch()
    assert original.original is None
    if dvc and not below:
        return  # DVC does not look for a workspace above its own folder
    assert copy.original == original
    assert copy.mlflow == original.mlflow == original.scratch / "mlflow"
    assert copy.scratch != original.scratch


def test_a_missing_model_is_named_with_its_candidate_wherever_the_workspace_lies(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "runs" / "mine")
    with pytest.raises(WorkspaceError, match=r"written by `train`; run `dvc repro` or `finetrail train lora`$"):
        need(workspace.run("lora").details, "train")
    assert [workspace.stage_of(path) for path in (workspace.model("lora"), workspace.manifest, tmp_path)] == [
        "train",
        "ingest",
        "",
    ]


def test_every_path_is_inside_the_workspace_and_none_is_named_twice(tmp_path: Path) -> None:
    def properties(paths: Workspace | RunPaths) -> list[Path]:
        found = [getattr(paths, name) for name, member in vars(type(paths)).items() if isinstance(member, property)]
        return [path for path in found if path is not None]

    workspace = Workspace(tmp_path)
    paths = [*properties(workspace), *properties(workspace.run("a")), workspace.model("a"), workspace.split("val")]
    assert len(set(paths)) == len(paths) > 15
    assert all(path.is_relative_to(tmp_path) for path in paths)
    # DVC deletes what is under data before a stage runs.
    assert not workspace.scratch.is_relative_to(tmp_path / "data")


def test_what_assess_did_not_write_names_its_section(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    path = workspace.assessment("robustness") / "robustness.json"
    assert workspace.stage_of(path) == "assess"
    with pytest.raises(WorkspaceError, match=r"by `assess`; run `dvc repro` or `finetrail assess robustness`$"):
        need(path, "assess")
