"""Heads of a ledger in git's notes: who may write to MLflow alone cannot take the newest entry back."""

import subprocess
from pathlib import Path

import pytest

from finetrail.errors import LedgerError
from finetrail.programs.git import Repository
from finetrail.registry.heads import REF
from finetrail.registry.ledger import HEAD, Ledger, open_ledger
from finetrail.runs.tracking import Tracker


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    git(tmp_path, "init", "--quiet")
    named = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    git(tmp_path, *named, "commit", "--quiet", "--allow-empty", "--message", "one")
    return tmp_path


@pytest.fixture
def ledger(tracker: Tracker, repository: Path) -> Ledger:
    """With two entries."""
    name = str(tracker.client.get_experiment(tracker.experiment_id).name)
    opened = open_ledger(tracker, name, repository)
    for version in (1, 2):
        opened.enter("refusal", version=version)
    return opened


def forget(ledger: Ledger, number: int, head: str | None) -> None:
    """Delete an entry as somebody would who may write to the registry, and put an older head in its place."""
    ledger.tracker.client.delete_model_version(f"{ledger.name}.ledger", str(number))
    if head is not None:
        ledger.tracker.client.set_registered_model_tag(ledger.name, HEAD, head)


def test_the_newest_entry_and_its_head_cannot_be_taken_back(ledger: Ledger, repository: Path) -> None:
    before = ledger.read().head
    ledger.enter("refusal", version=3)
    forget(ledger, 3, before)
    assert len(Ledger(ledger.tracker, ledger.name, "Eve").read().entries) == 2, "MLflow alone does not tell"
    with pytest.raises(LedgerError, match=r"BROKEN at entry 3: it is missing: the head that was noted is entry 3"):
        ledger.read()
    # Another clone learns of it as soon as it has the notes.
    other = repository.parent / "other"
    git(repository, "clone", "--quiet", str(repository), str(other))
    elsewhere = open_ledger(ledger.tracker, ledger.name, other)
    assert len(elsewhere.read().entries) == 2
    git(other, "fetch", "--quiet", "origin", f"refs/notes/{REF}:refs/notes/{REF}")
    with pytest.raises(LedgerError, match=r"BROKEN at entry 3"):
        elsewhere.read()


def test_the_files_of_the_workspace_stay_as_they_are(ledger: Ledger, repository: Path) -> None:
    assert len(Repository(repository).notes(REF)) == 2
    assert git(repository, "status", "--porcelain", "--untracked-files=no") == ""


def test_another_ledger_of_the_same_name_is_none_of_its_business(
    ledger: Ledger, tracker: Tracker, repository: Path
) -> None:
    """In another registry, or begun anew in this one."""
    anew = Ledger(tracker, ledger.name, "Ada", ledger.heads)
    for number in (1, 2):
        forget(ledger, number, None)
    tracker.client.delete_registered_model(f"{ledger.name}.ledger")
    tracker.client.delete_registered_model_tag(ledger.name, HEAD)
    assert anew.read().entries == ()
    anew.enter("refusal", version=1)
    assert len(anew.read().entries) == 1
    assert len(set(Repository(repository).notes(REF))) == 3


def test_without_a_commit_nothing_is_noted_and_nothing_fails(tracker: Tracker, tmp_path: Path) -> None:
    opened = open_ledger(tracker, "nowhere", tmp_path)
    opened.enter("refusal", version=1)
    assert len(opened.read().entries) == 1


def test_a_note_that_is_no_head_is_one_line_and_can_be_taken_out(ledger: Ledger, repository: Path) -> None:
    for line in ("my own note", '{"ledger": "toy"}', "[" * 3_000):
        assert Repository(repository).note(REF, line)
        with pytest.raises(
            LedgerError, match=rf"^git's notes hold .* in refs/notes/{REF}, which is no head of a ledger"
        ):
            ledger.read()
        commit = git(repository, "notes", f"--ref={REF}", "list").split()[1]
        editor = ("-c", """core.editor=sed -i -e '/^my/d' -e '/"toy"}$/d' -e '/^\\[/d'""")
        named = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        git(repository, *editor, *named, "notes", f"--ref={REF}", "edit", commit)
        assert len(ledger.read().entries) == 2
