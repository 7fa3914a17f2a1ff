"""The dvc.lock of earlier runs: the next run of the same has it, another has not, and a wrong one changes no result."""

import os
import subprocess
from pathlib import Path

import pytest

from flows.clones import fresh_clone
from flows.locks import KEPT, keep_lock, known_lock
from flows.places import Places
from flows.stages import restore

PIPELINE = """
stages:
  double:
    cmd: finetrail --version && cat in.txt in.txt > out.txt
    deps: [in.txt]
    outs: [out.txt]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A pipeline of one stage, which calls finetrail as all stages do."""
    root = tmp_path / "repository"
    (root / "src").mkdir(parents=True)
    files = {"src/code.py": "", "params.yaml": "a: 1", "requirements.lock": "", "dvc.yaml": PIPELINE, "in.txt": "a"}
    for name, text in files.items():
        (root / name).write_text(text)
    for command in (
        "git init --quiet --initial-branch=main",
        "git config user.name Toy",
        "git config user.email toy@example.org",
        "dvc init --quiet",
        "git add --all",
        "git commit --quiet --message one",
    ):
        subprocess.run(command.split(), cwd=root, check=True)
    return root


def places(repository: Path) -> Places:
    return Places(str(repository), repository / "home", repository / "cache", None, "sqlite:///x.db", None)


def run_in_clone(repository: Path) -> tuple[set[str], str]:
    """As a flow does. Returns: what was restored, and the result."""
    with fresh_clone(places(repository), "HEAD", None) as clone:
        restored = restore(["double"], clone)
        assert clone.run("dvc", "repro").code == 0
        keep_lock(clone.root, clone.known_lock)
        return restored, (clone.root / "out.txt").read_text()


def commit(repository: Path, **files: str) -> None:
    for name, text in files.items():
        (repository / name.replace("__", ".")).write_text(text)
    subprocess.run(["git", "commit", "--quiet", "--all", "--message", "other"], cwd=repository, check=True)


def test_the_next_run_of_the_same_has_it_and_restores_all(repository: Path) -> None:
    assert run_in_clone(repository) == (set(), "aa")
    with fresh_clone(places(repository), "HEAD", None) as clone:
        assert (clone.root / "dvc.lock").read_bytes() == clone.known_lock.read_bytes()
    assert run_in_clone(repository) == ({"double"}, "aa")


def test_what_it_says_of_other_data_is_not_believed(repository: Path) -> None:
    run_in_clone(repository)
    commit(repository, in__txt="b")  # in git alone, which no data of a user is
    assert run_in_clone(repository) == (set(), "bb")


def test_what_it_names_and_the_cache_has_lost_is_made_again(repository: Path) -> None:
    run_in_clone(repository)
    for file in (repository / "cache").rglob("*"):
        if file.is_file():
            file.unlink()
    assert run_in_clone(repository) == (set(), "aa")


def test_other_settings_pipelines_and_data_have_their_own(repository: Path) -> None:
    def known() -> Path:
        return known_lock(repository / "home", repository, "key")

    (repository / "data").mkdir()
    found = {known(), known_lock(repository / "home", repository, "other")}
    for name in ("dvc.yaml", "data/texts.csv.dvc", "data/others.csv.dvc"):
        with (repository / name).open("a") as file:
            file.write("# other")
        found.add(known())
    assert len(found) == 5


def test_the_oldest_make_room(repository: Path) -> None:
    (repository / "dvc.lock").touch()
    folder = repository / "home" / "locks"
    folder.mkdir(parents=True)
    for number in range(KEPT + 5):
        (folder / f"{number}").touch()
        os.utime(folder / f"{number}", (number, number))
    keep_lock(repository, folder / "new")
    assert {path.name for path in folder.iterdir()} == {"new", *map(str, range(6, KEPT + 5))}


def test_where_it_cannot_be_kept_the_run_has_ended_well_all_the_same(repository: Path) -> None:
    (repository / "dvc.lock").touch()
    (repository / "home").mkdir()
    (repository / "home" / "locks").touch()  # a file where the folder would be
    keep_lock(repository, repository / "home" / "locks" / "new")
    (repository / "home" / "locks").unlink()
    keep_lock(repository, repository / "home" / "locks" / "new")
    (repository / "dvc.lock").unlink()
    keep_lock(repository, repository / "home" / "locks" / "other")
    assert [path.name for path in (repository / "home" / "locks").iterdir()] == ["new"]
