"""Entries that are signed with an ssh key: real keys, and ssh-keygen's own word."""

import shutil
import subprocess
from pathlib import Path

import pytest

from finetrail.errors import LedgerError, WorkspaceError
from finetrail.registry.ledger import ENTRY, Ledger, open_ledger
from finetrail.registry.signatures import SIGNATURE
from finetrail.runs.tracking import Tracker


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ada", "eve"):
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(made, check=True)
    kind, key, _ = (folder / "ada.pub").read_text().split()
    (folder / "allowed").write_text(f"ada@example.org {kind} {key}\n")
    return folder


@pytest.fixture
def ledger(tracker: Tracker, keys: Path, tmp_path: Path) -> Ledger:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "config", "finetrail.sign", "true")
    git(tmp_path, "config", "user.signingkey", str(keys / "ada"))
    git(tmp_path, "config", "gpg.ssh.allowedSignersFile", str(keys / "allowed"))
    return open_ledger(tracker, str(tracker.client.get_experiment(tracker.experiment_id).name), tmp_path)


def book(ledger: Ledger) -> str:
    return f"{ledger.name}.ledger"


def test_whose_key_signed_an_entry_is_known(ledger: Ledger, tmp_path: Path) -> None:
    ledger.enter("refusal", version=1)
    git(tmp_path, "config", "finetrail.sign", "false")
    ledger.enter("refusal", version=2, verdict="ümlaut")
    assert ledger.signers(ledger.read()) == {1: "ada@example.org"}


@pytest.mark.parametrize("how", ["another key", "another text", "no signature at all"])
def test_a_signature_that_does_not_fit_breaks_the_ledger(ledger: Ledger, keys: Path, tmp_path: Path, how: str) -> None:
    if how == "another key":
        git(tmp_path, "config", "user.signingkey", str(keys / "eve"))
    ledger.enter("refusal", version=1)
    if how != "another key":
        client = ledger.tracker.client
        signature = client.get_model_version(book(ledger), "1").tags[SIGNATURE]
        ledger.enter("refusal", version=2)
        other = signature if how == "another text" else "none"
        client.set_model_version_tag(book(ledger), "2", SIGNATURE, other)
    with pytest.raises(LedgerError, match=r"BROKEN at entry \d: nobody in .*allowed signed it as it is"):
        ledger.signers(ledger.read())


def test_a_key_that_cannot_be_used_writes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    git(tmp_path, "config", "user.signingkey", str(tmp_path / "none"))
    with pytest.raises(WorkspaceError, match=r"cannot be signed with .*none \(.*\); correct git's user.signingkey"):
        ledger.enter("refusal", version=1)
    git(tmp_path, "config", "--unset", "user.signingkey")
    with pytest.raises(WorkspaceError, match=r"user.signingkey names no key; set it with `git config user.signingk"):
        ledger.enter("refusal", version=1)
    git(tmp_path, "config", "finetrail.sign", "false")  # the remedy
    assert ledger.enter("refusal", version=1).number == 1
    assert SIGNATURE not in ledger.tracker.client.get_model_version(book(ledger), "1").tags
    assert ENTRY in ledger.tracker.client.get_model_version(book(ledger), "1").tags


def test_what_checking_needs_and_is_not_there_is_told(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.enter("refusal", version=1)
    chain = ledger.read()
    git_only = tmp_path / "bin"
    git_only.mkdir()
    (git_only / "git").symlink_to(str(shutil.which("git")))
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(git_only))
        with pytest.raises(WorkspaceError, match=r"^ssh-keygen is not installed, .*; install OpenSSH, or unset git's"):
            ledger.signers(chain)
    git(tmp_path, "config", "gpg.ssh.allowedSignersFile", str(tmp_path / "none"))
    with pytest.raises(
        WorkspaceError, match=r"none does not exist; correct git's gpg.ssh.allowedSignersFile, or unset"
    ):
        ledger.signers(chain)
    git(tmp_path, "config", "--unset", "gpg.ssh.allowedSignersFile")  # the remedy
    assert ledger.signers(chain) == {}
