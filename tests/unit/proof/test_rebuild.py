"""Building a version again: what is refused before anything is computed, and where the user's data comes from."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from finetrail.errors import ConfigError, LineageError, WorkspaceError
from finetrail.locations import sha256_of
from finetrail.proof.rebuild import Rebuild, refuse_what_cannot_be_built
from finetrail.proof.record import COMMIT, DIRTY, Lineage, Link
from finetrail.runs.hashes import hash_code

pytestmark = pytest.mark.slow

DATA = "data/input/toy.csv"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def dvc(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, capture_output=True, check=True)


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository below whose top lies a workspace with one file in `dvc add`, and a remote that has it too."""
    top = tmp_path_factory.mktemp("repository")
    root = top / "problems" / "toy"
    (root / "src" / "finetrail").mkdir(parents=True)
    (root / DATA).parent.mkdir(parents=True)
    (root / DATA).write_text("text,label\na,b\n")
    files = {"params.yaml": "seed: 0\n", "dvc.yaml": "stages: {}\n", "requirements.lock": ""}
    for name, text in (files | {"src/finetrail/code.py": ""}).items():
        (root / name).write_text(text)
    git(top, "init", "--quiet", "--initial-branch=main")
    git(top, "config", "user.name", "Toy")
    git(top, "config", "user.email", "toy@example.org")
    dvc(root, "init", "--quiet", "--subdir")
    dvc(root, "remote", "add", "--quiet", "--local", "--default", "store", str(top.parent / f"{top.name}-store"))
    dvc(root, "add", "--quiet", DATA)
    dvc(root, "push", "--quiet")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "one")
    return top


@pytest.fixture
def workspace(tracked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tracked, tmp_path / "repository", symlinks=True)) / "problems" / "toy"


def recorded(root: Path, dirty: str = "no", **other: str) -> Lineage:
    """The lineage of what the workspace holds. Args: other: hashes that are not those, by a link's first word."""
    files = [("source", DATA), *((name, name) for name in ("params.yaml", "requirements.lock", "dvc.yaml"))]
    links = [Link(name, where, other.get(name.split(".")[0], sha256_of(root / where))) for name, where in files]
    links.append(Link("code", "src/finetrail", hash_code(root / "src" / "finetrail")))
    tags = {COMMIT: git(root, "rev-parse", "HEAD"), DIRTY: dirty}
    return Lineage("full", "1" * 32, {}, [], {}, {}, tags, tuple(links))


def build(root: Path, lineage: Lineage, clone: Path) -> list[str]:
    said: list[str] = []
    Rebuild(root, clone, "models:/toy/1", lineage, said.append).run(git(root, "rev-parse", "HEAD"))
    return said


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({}, r"built again: the model was registered outside git, and no commit here holds .*; commit params\.yaml"),
        (
            {COMMIT: "HEAD", DIRTY: "yes"},
            r"built again: \w{12} had uncommitted changes when .*, and no commit here has them; commit params\.yaml",
        ),
        ({COMMIT: "0" * 40, DIRTY: "no"}, r"commit of models:/toy/1: 0{40} is not in this clone; `git fetch --all`"),
    ],
    ids=["no git", "dirty", "missing"],
)
def test_without_its_commit_a_version_is_refused(tracked: Path, tags: dict[str, str], message: str) -> None:
    root = tracked / "problems" / "toy"
    tags = {key: git(root, "rev-parse", "HEAD") if value == "HEAD" else value for key, value in tags.items()}
    lineage = Lineage("full", "1" * 32, {}, [], {}, {}, tags, ())
    with pytest.raises(LineageError, match=message):
        refuse_what_cannot_be_built(root, "models:/toy/1", lineage)


def test_a_commit_that_is_here_is_built_from(tracked: Path) -> None:
    root = tracked / "problems" / "toy"
    assert refuse_what_cannot_be_built(root, "models:/toy/1", recorded(root)) == git(root, "rev-parse", "HEAD")


def test_other_packages_than_the_commit_names_are_refused(workspace: Path, tmp_path: Path) -> None:
    (workspace / "requirements.lock").write_text("numpy==0.9\n")
    git(workspace, "commit", "--quiet", "--all", "--message", "old packages")
    with pytest.raises(ConfigError, match=r"this environment has numpy [\d.]+ instead of 0\.9, but commit \w{12} pins"):
        build(workspace, recorded(workspace), tmp_path / "clone")


def test_a_commit_with_other_files_than_ran_is_refused(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(LineageError, match=r"made from params\.yaml with sha256 0{16}, but in a fresh clone"):
        build(workspace, recorded(workspace, params="0" * 64), tmp_path / "clone")


@pytest.mark.parametrize("place", ["cache", "remote"])
def test_the_users_data_comes_from_the_cache_here_or_from_the_remote(
    workspace: Path, tmp_path: Path, place: str
) -> None:
    if place == "remote":
        shutil.rmtree(workspace / ".dvc" / "cache")
    clone = tmp_path / "clone"
    found = sha256_of(workspace / DATA)[:16]
    with pytest.raises(LineageError, match=rf"made from {DATA} with sha256 0{{16}}, but .* it has sha256 {found}"):
        build(workspace, recorded(workspace, source="0" * 64), clone)
    root = clone / "problems" / "toy"
    assert (root / DATA).read_bytes() == (workspace / DATA).read_bytes()
    assert "remote" not in (root / ".dvc" / "config.local").read_text()


def test_data_that_is_nowhere_is_told(workspace: Path, tmp_path: Path) -> None:
    shutil.rmtree(workspace / ".dvc" / "cache")
    (workspace / ".dvc" / "config.local").unlink()
    with pytest.raises(WorkspaceError, match=rf"{DATA}\.dvc\) is not in this machine's DVC cache, and no default rem"):
        build(workspace, recorded(workspace), tmp_path / "clone")


def test_a_stage_that_fails_is_told(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"`dvc repro --no-run-cache split` exited with 255 in a fresh clone; the"):
        build(workspace, recorded(workspace), tmp_path / "clone")


def test_a_checkout_that_git_refuses_is_told_with_gits_own_remedy(
    tracked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tracked / "problems" / "toy"
    lineage = recorded(root)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tracked / "gitconfig"))
    with pytest.raises(LineageError, match=r"dubious ownership .*; `git config --global --add safe\.directory \S+`$"):
        refuse_what_cannot_be_built(root, "models:/toy/1", lineage)
