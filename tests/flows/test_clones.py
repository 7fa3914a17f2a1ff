"""A run's clone: of the wanted commit, apart from everything else, and gone in the end."""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from finetrail.errors import ConfigError, WorkspaceError
from finetrail.programs.git import Repository
from finetrail.registry.heads import REF
from flows.clones import fresh_clone
from flows.places import Places

HOLD = "import sys, time; from tests.flows.test_clones import hold; hold(*sys.argv[1:])"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def _commits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("commits") / "repository"
    for name in ("src", "recipes", ".dvc"):
        (root / name).mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "config", "user.name", "Toy")
    git(root, "config", "user.email", "toy@example.org")
    for name, text in {"params.yaml": "1", "requirements.lock": "", "src/code.py": "", ".dvc/config": ""}.items():
        (root / name).write_text(text)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "one")
    git(root, "tag", "first")
    git(root, "checkout", "--quiet", "-b", "other")
    (root / "recipes" / "toy.yaml").write_text("recipe")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "recipe")
    git(root, "checkout", "--quiet", "main")
    (root / "params.yaml").write_text("2")
    git(root, "commit", "--quiet", "--all", "--message", "two")
    return root


@pytest.fixture
def repository(_commits: Path, tmp_path: Path) -> Path:
    """Two commits on `main`, a tag on the first, and a branch with a recipe."""
    return Path(shutil.copytree(_commits, tmp_path / "repository", symlinks=True))


def places(repository: Path, remote: str | None = None) -> Places:
    return Places(str(repository), repository / "home", repository / "cache", remote, "sqlite:///x.db", None)


@pytest.mark.parametrize(("ref", "content"), [("HEAD", "2"), ("main", "2"), ("first", "1"), ("other", "1")])
def test_branch_tag_and_head(repository: Path, ref: str, content: str) -> None:
    with fresh_clone(places(repository), ref, None) as clone:
        assert (clone.root / "params.yaml").read_text() == content
        assert clone.commit == git(repository, "rev-parse", ref)


def test_a_commit_that_no_branch_ends_with(repository: Path) -> None:
    commit = git(repository, "rev-parse", "main~1")
    with fresh_clone(places(repository), commit[:10], None) as clone:
        assert clone.commit == commit


def test_a_commit_that_prefects_command_took_for_a_number(repository: Path) -> None:
    """It reads `-p git_ref=8416302` as JSON, and 12e4567 as Infinity."""
    tree, number = git(repository, "rev-parse", "HEAD^{tree}"), 0
    found: dict[str, tuple[str, float]] = {}
    while len(found) < 2:
        number += 1
        commit = git(repository, "commit-tree", tree, "-m", str(number))
        for kind, pattern in {"digits": r"[1-9]\d{4}", "exponent": r"[1-9]\d?e\d{2,}"}.items():
            if (begin := re.match(pattern, commit)) and kind not in found:
                found[kind] = commit, json.loads(begin[0])
                git(repository, "branch", f"of-{kind}", commit)
    for commit, given in found.values():
        with fresh_clone(places(repository), given, None) as clone:
            assert clone.commit == commit


@pytest.mark.parametrize("ref", ["--help", "-h", "", "a b", "HEAD\0", "HEAD\nHEAD", "x" * 100_000])
def test_what_cannot_be_a_name_of_a_ref_is_refused(repository: Path, ref: str) -> None:
    with pytest.raises(ConfigError, match=r"^git_ref is '.{0,70}, which cannot be a name; it must match "):
        fresh_clone(places(repository), ref, None).__enter__()


@pytest.mark.parametrize("recipe", ["../params", "/etc/passwd", "x\0y", "x\ny", ".", "x" * 5_000, "a/b", "--help"])
def test_a_recipe_is_a_name_and_no_path(repository: Path, recipe: str) -> None:
    with pytest.raises(ConfigError, match=r"^recipe is '.{0,70}, which cannot be a name; it must match "):
        fresh_clone(places(repository), "other", recipe).__enter__()


def test_a_commit_with_other_packages_than_the_workers_is_refused(repository: Path) -> None:
    (repository / "requirements.lock").write_text('numpy==0.9 ; python_version < "3"\nnumpy==1.0\nnever-installed==1\n')
    git(repository, "commit", "--quiet", "--all", "--message", "old packages")
    refused = (
        r"this environment has numpy [\d.]+ instead of 0\.9 or 1\.0, but main pins its packages in requirements\.lock"
    )
    with pytest.raises(ConfigError, match=refused), fresh_clone(places(repository), "main", None):
        pass


def test_another_build_of_the_same_version_is_the_same(repository: Path) -> None:
    import numpy

    (repository / "requirements.lock").write_text(f"numpy==0.9\nnumpy=={numpy.__version__}+cpu\n")
    git(repository, "commit", "--quiet", "--all", "--message", "another build")
    with fresh_clone(places(repository), "main", None) as clone:
        assert clone.root.exists()


def test_what_is_not_committed_is_not_in_it_and_the_checkout_stays_as_it_is(repository: Path) -> None:
    (repository / "params.yaml").write_text("not committed")
    before = git(repository, "status", "--porcelain"), git(repository, "stash", "list")
    with fresh_clone(places(repository), "HEAD", None) as clone:
        assert (clone.root / "params.yaml").read_text() == "2"
        (clone.root / "params.yaml").write_text("changed by the run")
    assert (repository / "params.yaml").read_text() == "not committed"
    assert (git(repository, "status", "--porcelain", "--untracked-files=no"), git(repository, "stash", "list")) == (
        before[0],
        before[1],
    )


def test_a_recipe_takes_the_place_of_params(repository: Path) -> None:
    with fresh_clone(places(repository), "other", "toy") as clone:
        assert (clone.root / "params.yaml").read_text() == "recipe"


def test_unknown_names_are_told_in_one_line(repository: Path) -> None:
    with pytest.raises(ConfigError, match=r"^git_ref is 'nowhere': the repository has no such .*; push it first$"):
        fresh_clone(places(repository), "nowhere", None).__enter__()
    with pytest.raises(ConfigError, match=r"^recipe 'none' does not exist in other; use one of toy$"):
        fresh_clone(places(repository), "other", "none").__enter__()
    with pytest.raises(WorkspaceError, match=r"^`git clone --quiet` exited with 128: .*no-repository"):
        fresh_clone(places(repository / "no-repository"), "HEAD", None).__enter__()
    assert not any((repository / "home" / "clones").iterdir())


def test_its_dvc_has_the_shared_cache_and_the_remote(repository: Path) -> None:
    with fresh_clone(places(repository), "HEAD", None) as clone:
        assert clone.run("dvc", "cache", "dir").lines == (str(repository / "cache"),)
        assert not clone.has_remote
    with (repository / ".dvc" / "config").open("a") as file:
        file.write("[core]\nremote = own\n['remote \"own\"']\nurl = s3://own/path\n")
    git(repository, "commit", "--quiet", "--all", "--message", "a remote of its own")
    with fresh_clone(places(repository), "HEAD", None) as clone:
        assert clone.has_remote
    with fresh_clone(places(repository, "s3://bucket/path"), "HEAD", None) as clone:
        assert clone.has_remote
        assert clone.run("dvc", "remote", "list").lines[-1].split()[:2] == ["flow", "s3://bucket/path"]


def test_checkpoints_are_shared_by_runs_of_the_same_alone(repository: Path) -> None:
    with fresh_clone(places(repository), "main", None) as one, fresh_clone(places(repository), "HEAD", None) as same:
        assert one.checkpoints == same.checkpoints
        assert one.root != same.root
        assert one.environment["FINETRAIL_CHECKPOINTS"] == str(one.checkpoints)
    with fresh_clone(places(repository), "first", None) as other:
        assert other.checkpoints != one.checkpoints


def test_it_runs_its_own_code(repository: Path) -> None:
    with fresh_clone(places(repository), "HEAD", None) as clone:
        ended = clone.run("python", "-c", "import code; print(code.__file__)")
        assert ended.lines == (str(clone.root / "src" / "code.py"),)


def hold(repository: str) -> None:
    """Hold a clone until this process is killed."""
    with fresh_clone(places(Path(repository)), "HEAD", None) as clone:
        sys.stdout.write(f"{clone.root}\n")
        sys.stdout.flush()
        time.sleep(60)


def test_what_a_killed_run_left_is_removed_by_the_next_one(repository: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(repository)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as holding:
        left = Path((holding.stdout or sys.stdin).readline().strip())
        with fresh_clone(places(repository), "HEAD", None):
            assert left.exists(), "it is in use"
        holding.kill()
    assert left.exists()
    with fresh_clone(places(repository), "HEAD", None):
        assert not left.exists()


def test_the_heads_that_runs_note_side_by_side_all_come_back(repository: Path) -> None:
    """And the next clone has them."""

    def noted(folder: Path) -> set[str]:
        return set(Repository(folder).notes(REF))

    with fresh_clone(places(repository), "main", None) as one:
        with fresh_clone(places(repository), "other", None) as two:
            for clone, line in ((one, "1:a"), (two, "2:b")):
                assert Repository(clone.root).note(REF, line)
        assert Repository(one.root).note(REF, "3:c")
    assert noted(repository) == {"1:a", "2:b", "3:c"}
    with fresh_clone(places(repository), "main", None) as clone:
        assert noted(clone.root) == {"1:a", "2:b", "3:c"}
    assert git(repository, "status", "--porcelain", "--untracked-files=no") == ""
