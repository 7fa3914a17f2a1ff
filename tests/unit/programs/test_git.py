"""What is asked of git, on a real repository, and what is answered where there is none."""

import os
import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from finetrail.errors import WorkspaceError
from finetrail.programs.git import NO_COMMIT, Repository, require_commit


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace below the top of a repository, with two commits."""
    folder = tmp_path / "repository" / "problems" / "toy"
    (folder / "src").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main", str(tmp_path / "repository"))
    git(folder, "config", "user.name", "Ada Łovelace")
    git(folder, "config", "user.email", "ada@example.org")
    for number in (1, 2):
        (folder / "params.yaml").write_text(f"seed: {number}\n")
        (folder / "dvc.lock").write_text(f"{number}\n")
        (folder / "src" / f"{number}.py").write_bytes(bytes([number]))
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", str(number))
    return folder


def test_where_it_is_and_what_is_checked_out(root: Path, tmp_path: Path) -> None:
    repository = Repository(root)
    assert repository.head == git(root, "rev-parse", "HEAD")
    assert repository.top == tmp_path / "repository"
    assert repository.below_top == "problems/toy/"
    assert Repository(tmp_path / "repository").below_top == ""
    assert repository.setting("user.name") == "Ada Łovelace"
    assert repository.setting("user.nothing") == ""


@pytest.mark.parametrize(("file", "changed"), [("params.yaml", True), ("dvc.lock", False), ("new.txt", False)])
def test_a_change_counts_in_tracked_files_but_for_the_one_that_is_named(root: Path, file: str, changed: bool) -> None:
    assert not Repository(root).changed(but="dvc.lock")
    (root / file).write_text("other\n")
    assert Repository(root).changed(but="dvc.lock") == changed


def test_files_and_folders_as_they_were(root: Path) -> None:
    repository, first, second = Repository(root), git(root, "rev-parse", "HEAD~"), git(root, "rev-parse", "HEAD")
    assert repository.commits_of("params.yaml") == [second, first]
    assert [repository.has(commit) for commit in (first, second, "0" * 40)] == [True, True, False]
    assert repository.show(first, "params.yaml") == b"seed: 1\n"
    assert repository.show(first, "src/2.py") is None
    assert repository.show("0" * 40, "params.yaml") is None
    assert repository.files(first, "src") == {PurePosixPath("1.py"): b"\1"}
    assert repository.files(first, "nothing") is None


def test_a_clone_is_of_the_whole_repository_at_the_commit(root: Path, tmp_path: Path) -> None:
    first = git(root, "rev-parse", "HEAD~")
    Repository(root).clone(first, tmp_path / "clone", os.environ)
    assert Repository(tmp_path / "clone").head == first
    assert (tmp_path / "clone" / "problems" / "toy" / "params.yaml").read_text() == "seed: 1\n"
    with pytest.raises(WorkspaceError, match=r"`git -c advice.* --detach 0{40}` exited with 128 in a fresh clone; the"):
        Repository(root).clone("0" * 40, tmp_path / "other", os.environ)


@pytest.mark.parametrize("missing", ["repository", "program"])
def test_where_there_is_no_git_nothing_is_known(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    if missing == "program":
        monkeypatch.setenv("PATH", str(tmp_path))
    repository = Repository(root if missing == "program" else tmp_path)
    assert (repository.head, repository.below_top, repository.setting("user.name")) == ("", "", "")
    assert not repository.has("HEAD")
    assert repository.show("HEAD", "params.yaml") is None
    assert repository.commits_of("params.yaml") == []
    assert not repository.changed(but="dvc.lock")


def test_a_training_without_a_commit_has_to_be_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = r"not a git repository \(or any [^;]*"
    assert re.match(said, require_commit(tmp_path))  # a plain folder, in which somebody tries a stage
    (tmp_path / ".dvc").mkdir()
    message = rf"^no commit would say what was trained: {said}; commit the workspace with git; or set {NO_COMMIT}=1 to "
    with pytest.raises(WorkspaceError, match=message):
        require_commit(tmp_path)
    git(tmp_path, "init", "--quiet")
    with pytest.raises(WorkspaceError, match=r": the repository has no commit yet; commit the workspace with git; or"):
        require_commit(tmp_path)
    monkeypatch.setenv(NO_COMMIT, "1")
    assert require_commit(tmp_path) == "the repository has no commit yet"
    monkeypatch.delenv(NO_COMMIT)
    (tmp_path / ".dvc" / "config").write_text("[core]\n    no_scm = True\n")
    assert require_commit(tmp_path) == "the repository has no commit yet"


def test_a_checkout_of_another_user_is_refused_in_gits_own_words(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert require_commit(root) == ""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(root / "gitconfig"))
    with pytest.raises(WorkspaceError, match=r"detected dubious ownership in repository at .*; or set") as caught:
        require_commit(root)
    remedy = str(caught.value).partition("call: ")[2].partition(";")[0]
    assert remedy.startswith("git config --global --add safe.directory ")
    subprocess.run(remedy.split(), check=True)
    assert require_commit(root) == ""


def test_without_git_nothing_is_said_of_a_repository(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(WorkspaceError, match=r"was trained: git is not installed; commit the workspace with git; or"):
        require_commit(root)
