"""Hashes that stand for content, and the tags that hold at this moment."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.locations import sha256_of
from finetrail.runs.hashes import hash_folder, hash_of, live_tags
from finetrail.workspace import Workspace, write_json

KEYS = st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans()), min_size=2)


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *author, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "params.yaml").write_text("seed: 0\n")
    (tmp_path / "dvc.lock").write_text("before\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


@given(KEYS)
def test_the_hash_of_a_value_does_not_depend_on_the_order_of_its_keys(value: dict[str, Any]) -> None:
    assert hash_of(value) == hash_of(dict(reversed(value.items())))
    assert hash_of(value) != hash_of([value])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "model"
    (root / "backbone").mkdir(parents=True)
    (root / "backbone" / "config.json").write_text("{}")
    (root / "weights").write_bytes(b"\x00\x01")
    return root


def test_a_folders_hash_is_that_of_its_names_and_contents(folder: Path, tmp_path: Path) -> None:
    before = hash_folder(folder)
    os.utime(folder / "weights", (0, 0))
    (folder / "empty").mkdir()
    assert hash_folder(folder) == before
    assert hash_folder(folder.rename(tmp_path / "moved")) == before


@pytest.mark.parametrize("change", ["content", "name", "added", "moved", "swapped"])
def test_a_folders_hash_changes_with_its_content(folder: Path, change: str) -> None:
    before = hash_folder(folder)
    weights, config = folder / "weights", folder / "backbone" / "config.json"
    if change == "content":
        weights.write_bytes(b"\x00\x02")
    elif change == "name":
        weights.rename(folder / "weight")
    elif change == "added":
        (folder / "more").touch()
    elif change == "moved":
        weights.rename(folder / "backbone" / "weights")
    else:
        one, two = weights.read_bytes(), config.read_bytes()
        weights.write_bytes(two)
        config.write_bytes(one)
    assert hash_folder(folder) != before


def test_tags_name_the_commit_and_whether_the_code_has_changed_since(repository: Path) -> None:
    tags = live_tags(Workspace(repository), "train@full")
    assert tags == {
        "finetrail.dvc_stage": "train@full",
        "mlflow.source.git.commit": git(repository, "rev-parse", "HEAD"),
        "finetrail.git_dirty": "no",
        "finetrail.params_sha256": sha256_of(repository / "params.yaml"),
    }
    (repository / "dvc.lock").write_text("rewritten by the pipeline\n")
    (repository / "new.txt").touch()
    assert live_tags(Workspace(repository), "a")["finetrail.git_dirty"] == "no"
    (repository / "params.yaml").write_text("seed: 1\n")
    changed = live_tags(Workspace(repository), "a")
    assert changed["finetrail.git_dirty"] == "yes"
    assert changed["finetrail.params_sha256"] != tags["finetrail.params_sha256"]


@pytest.mark.parametrize("missing", ["repository", "commit", "program"])
def test_tags_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if missing == "commit":
        git(tmp_path, "init", "--quiet")
    if missing == "program":
        monkeypatch.setenv("PATH", str(tmp_path))
    assert live_tags(Workspace(tmp_path), "select") == {"finetrail.dvc_stage": "select"}


@pytest.mark.parametrize(("success", "verdict"), [(True, "passed"), (False, "failed")])
def test_tags_tell_what_the_validation_found_and_what_the_data_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, success: bool, verdict: str
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    workspace = Workspace(tmp_path)
    rows = {"ingested": 10, "quarantined": 3, "passed": 7}
    write_json(workspace.validation_report, {"success": success, "rows": rows})
    for path in (workspace.manifest, workspace.split_report, workspace.lock):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    assert live_tags(workspace, "train") == {
        "finetrail.dvc_stage": "train",
        "finetrail.validation": f"{verdict}: 7 of 10 rows, 3 quarantined",
        "finetrail.data_sha256": sha256_of(workspace.manifest),
        "finetrail.split_sha256": sha256_of(workspace.split_report),
        "finetrail.lock_sha256": sha256_of(workspace.lock),
    }
