"""DVC's settings: read as DVC reads them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from finetrail.errors import WorkspaceError
from finetrail.programs.dvc import Dvc, cache_of, configure, has_remote, remote, remotes_of


def dvc(folder: Path, *arguments: str) -> str:
    command, wide = [sys.executable, "-m", "dvc", *arguments], os.environ | {"COLUMNS": "1000"}
    return subprocess.run(command, cwd=folder, env=wide, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace of DVC, on a machine that has no settings of its own."""
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "person"))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path / "machine"))
    folder = tmp_path / "workspace"
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_text("[core]\n    no_scm = true\n")
    return folder


def test_without_a_setting_the_cache_is_in_the_workspace_and_there_is_no_remote(root: Path) -> None:
    assert cache_of(root) == root / ".dvc" / "cache"
    assert not has_remote(root)
    assert remotes_of(root) == {}


def test_a_path_is_relative_to_the_file_that_names_it(root: Path, tmp_path: Path) -> None:
    (tmp_path / "person").mkdir()
    (tmp_path / "person" / "config").write_text("[cache]\ndir = kept\n['remote \"far\"']\nurl = ../far\n")
    configure(root, {remote("near"): {"url": "../near"}, remote("bucket"): {"url": "s3://bucket/dvc"}})
    assert cache_of(root) == tmp_path / "person" / "kept"
    assert {name: keys["url"] for name, keys in remotes_of(root).items()} == {
        remote("far"): str(tmp_path / "far"),
        remote("near"): str(root / "near"),
        remote("bucket"): "s3://bucket/dvc",
    }
    told = dict(line.split()[:2] for line in dvc(root, "remote", "list").splitlines())
    assert {name: os.path.normpath(url) for name, url in told.items() if "://" not in url} == {
        "far": str(tmp_path / "far"),
        "near": str(root / "near"),
    }


@pytest.mark.parametrize("place", ["machine", "person"])
def test_a_default_remote_of_the_machine_or_the_person_counts_and_the_clone_overrules_it(
    root: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / place).mkdir()
    (tmp_path / place / "config").write_text("[core]\nremote = theirs\n['remote \"theirs\"']\nurl = /theirs\n")
    assert has_remote(root)
    assert remotes_of(root)["core"] == {"remote": "theirs"}
    configure(root, {"core": {"remote": "flow"}, remote("flow"): {"url": "/flow"}})
    assert remotes_of(root)["core"]["remote"] == dvc(root, "config", "core.remote").strip() == "flow"


def test_a_command_that_fails_is_told_and_one_that_may_fail_is_not(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[str] = []
    run = Dvc(root, os.environ, "the workspace", heard.append)
    run.must("config", "core.no_scm")
    assert heard == ["true"]
    assert run.try_to("version")
    assert not run.try_to("pull", "nothing")
    assert heard == ["true"], "what is tried is not heard"
    assert capfd.readouterr().err == ""
    with pytest.raises(
        WorkspaceError, match=r"^`dvc pull nothing` exited with \d+ in the workspace; the lines above s"
    ):
        run.must("pull", "nothing")
    assert "nothing" in capfd.readouterr().err, "its own words are shown"
