"""The ledger of a registered model: who wrote an entry, and who was first."""

import subprocess

import pytest

from finetrail.registry import promotion
from finetrail.registry.ledger import Ledger, LostRaceError, author


def test_of_two_who_saw_the_same_entry_one_is_void(ledger: Ledger) -> None:
    promotion.promote(ledger, 1, None)
    seen = ledger.read()
    ledger.append(seen, "refusal", version=2)
    with pytest.raises(LostRaceError, match=r"somebody else changed the registry of .* meanwhile; run again"):
        ledger.append(seen, "refusal", version=3)
    chain = ledger.read()
    assert [entry.version for entry in chain.entries] == [1, 2]
    assert len(chain.texts) == 3
    assert ledger.enter("refusal", version=4).number == 4
    assert len(ledger.read().entries) == 3


def test_who_it_was(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("who")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("LOGNAME", "ada")
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    assert author(folder) == "ada"
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "config", "user.name", "Ada"], cwd=folder, check=True)
    assert author(folder) == "Ada"
    subprocess.run(["git", "config", "user.email", "ada@example.org"], cwd=folder, check=True)
    assert author(folder) == "Ada <ada@example.org>"
