"""Promotion, rollback and what is done by hand, on MLflow's own database; no model's files are needed for that."""

import pytest

from finetrail.errors import ConflictError, LedgerError, RefusedError
from finetrail.registry import promotion
from finetrail.registry.chain import Aliases, Entry
from finetrail.registry.ledger import Ledger
from finetrail.registry.versions import moved_aliases


def by_hand(ledger: Ledger, alias: str, version: int | None) -> None:
    """What a click in MLflow's pages does."""
    if version is None:
        ledger.tracker.client.delete_registered_model_alias(ledger.name, alias)
    else:
        ledger.tracker.client.set_registered_model_alias(ledger.name, alias, str(version))


def kinds(ledger: Ledger) -> list[str]:
    return [entry.kind for entry in ledger.read().entries]


def state(ledger: Ledger) -> tuple[int | None, int | None]:
    found = moved_aliases(ledger.tracker, ledger.name)
    assert ledger.read().state == found, "ledger and aliases say the same"
    return found.champion, found.previous


def test_promotions_move_both_aliases_and_are_entered(ledger: Ledger) -> None:
    first = promotion.promote(ledger, 1, None, verdict="beats the constant", model="m1")
    assert (first.number, first.who) == (1, "Toy <toy@example.org>")
    assert (first.before, first.after) == (Aliases(), Aliases(1, None))
    assert state(ledger) == (1, None)
    promotion.promote(ledger, 3, 1)
    assert state(ledger) == (3, 1)
    assert kinds(ledger) == ["promotion", "promotion"]
    assert ledger.head() == ledger.read().head


def test_a_promotion_that_was_compared_with_another_champion_is_told(ledger: Ledger) -> None:
    promotion.promote(ledger, 1, None)
    with pytest.raises(ConflictError, match=r"is version 1 now, but was none when this began: .* run again"):
        promotion.promote(ledger, 2, None)
    assert state(ledger) == (1, None)
    assert kinds(ledger) == ["promotion"]


def test_a_rollback_goes_back_and_a_second_one_undoes_it(ledger: Ledger) -> None:
    promotion.promote(ledger, 1, None)
    promotion.promote(ledger, 2, 1)
    entry = promotion.rollback(ledger, None)
    assert entry.verdict == "version 1 is champion again, in place of 2"
    assert state(ledger) == (1, 2)
    promotion.rollback(ledger, None)
    assert state(ledger) == (2, 1)
    promotion.promote(ledger, 4, 2)
    promotion.rollback(ledger, 1)
    assert state(ledger) == (1, 4)
    assert kinds(ledger) == ["promotion", "promotion", "rollback", "rollback", "promotion", "rollback"]


def test_a_rollback_that_leads_nowhere_is_refused(ledger: Ledger) -> None:
    with pytest.raises(RefusedError, match="has no previous champion to go back to; promote a version first"):
        promotion.rollback(ledger, None)
    promotion.promote(ledger, 1, None)
    promotion.promote(ledger, 2, 1)
    with pytest.raises(RefusedError, match=r"version 3 of .* was never champion \(these were: 1, 2\)"):
        promotion.rollback(ledger, 3)
    with pytest.raises(RefusedError, match=r"version 2 of .* is already the champion"):
        promotion.rollback(ledger, 2)
    ledger.tracker.client.delete_model_version(ledger.name, "1")
    with pytest.raises(RefusedError, match=r"version 1 of .* is no longer in the registry"):
        promotion.rollback(ledger, 1)
    assert kinds(ledger) == ["promotion", "promotion", "external"]  # the deletion took the alias `previous` with it


def test_a_change_by_hand_is_entered_and_can_be_rolled_back(ledger: Ledger) -> None:
    by_hand(ledger, "champion", 2)  # before there was any ledger
    first = promotion.reconcile(ledger).entries[0]
    assert (first.kind, first.who, first.after) == ("external", "unknown", Aliases(2, None))
    promotion.promote(ledger, 3, 2)
    by_hand(ledger, "champion", 4)
    entry = promotion.reconcile(ledger).entries[-1]
    assert (entry.before, entry.after) == (Aliases(3, 2), Aliases(4, 3))
    assert entry.verdict == "set by hand, outside finetrail: champion 3 became 4"
    promotion.rollback(ledger, None)
    assert state(ledger) == (3, 4)
    by_hand(ledger, "previous", 1)
    assert promotion.reconcile(ledger).entries[-1].verdict.endswith("previous 4 became 1")
    by_hand(ledger, "champion", None)
    assert promotion.reconcile(ledger).state == Aliases(None, 3)
    promotion.promote(ledger, 1, None)
    assert state(ledger) == (1, 3)
    count = len(ledger.read().entries)
    assert len(promotion.reconcile(ledger).entries) == count, "nothing is entered twice"


@pytest.mark.parametrize("done", ["nothing", "previous", "both"])
def test_a_crash_between_entry_and_aliases_is_mended_by_the_next_command(ledger: Ledger, done: str) -> None:
    promotion.promote(ledger, 1, None)
    promotion.promote(ledger, 2, 1)
    entry = ledger.append(ledger.read(), "promotion", version=3, before=Aliases(2, 1), after=Aliases(3, 2))
    if done != "nothing":
        by_hand(ledger, "previous", 2)
    if done == "both":
        by_hand(ledger, "champion", 3)
    assert not ledger.applied(entry)
    promotion.reconcile(ledger)
    assert state(ledger) == (3, 2)
    assert ledger.applied(entry)
    assert kinds(ledger) == ["promotion"] * 3


def test_a_crash_and_then_a_hand_keeps_what_the_hand_did(ledger: Ledger) -> None:
    promotion.promote(ledger, 1, None)
    ledger.append(ledger.read(), "promotion", version=2, before=Aliases(1, None), after=Aliases(2, 1))
    by_hand(ledger, "champion", 4)
    promotion.reconcile(ledger)
    assert state(ledger)[0] == 4
    assert kinds(ledger) == ["promotion", "promotion", "external"]


def test_a_promotion_that_was_cut_off_and_whose_version_is_gone_stays_undone(ledger: Ledger) -> None:
    promotion.promote(ledger, 1, None)
    ledger.append(ledger.read(), "promotion", version=2, before=Aliases(1, None), after=Aliases(2, 1))
    ledger.tracker.client.delete_model_version(ledger.name, "2")
    promotion.reconcile(ledger)
    assert state(ledger)[0] == 1
    assert kinds(ledger) == ["promotion", "promotion", "external"]


class Slept(Ledger):
    """A writer that falls asleep when it is about to move the aliases, while another one goes on."""

    awake = True

    def applied(self, entry: Entry) -> bool:
        found = super().applied(entry)
        if not self.awake:
            self.awake = True
            promotion.promote(Ledger(self.tracker, self.name, "Other"), 3, 2)
        return found


def test_who_wakes_up_late_puts_right_what_it_wrote(ledger: Ledger) -> None:
    promotion.promote(ledger, 1, None)
    ledger.append(ledger.read(), "promotion", version=2, before=Aliases(1, None), after=Aliases(2, 1))
    late = Slept(ledger.tracker, ledger.name, "Late")
    late.awake = False
    promotion.settle(late)
    assert state(ledger) == (3, 2)


def test_tampering_is_found_and_stops_every_command(ledger: Ledger) -> None:
    for number in (1, 2):
        promotion.promote(ledger, number, number - 1 or None)
    client, book = ledger.tracker.client, f"{ledger.name}.ledger"
    text = ledger.read().texts[1]
    client.set_model_version_tag(book, "2", "finetrail.entry", text.replace("Toy", "Tom"))
    with pytest.raises(LedgerError, match="the ledger is BROKEN at entry 2: it was altered"):
        promotion.reconcile(ledger)
    client.set_model_version_tag(book, "2", "finetrail.entry", text)
    ledger.read()
    client.delete_model_version(book, "2")
    with pytest.raises(LedgerError, match="BROKEN at entry 2: it is missing"):
        promotion.rollback(ledger, None)
    client.delete_registered_model_tag(ledger.name, "finetrail.ledger_head")
    with pytest.raises(LedgerError, match="BROKEN at entry 2: it is missing"):  # MLflow never gives a number twice
        ledger.enter("refusal", version=3)


def test_a_new_ledger_begins_with_the_champion_that_there_is(ledger: Ledger) -> None:
    """What docs/gate.md says to do when a ledger is broken for good."""
    promotion.promote(ledger, 1, None)
    promotion.promote(ledger, 2, 1)
    client, book = ledger.tracker.client, f"{ledger.name}.ledger"
    client.delete_model_version(book, "1")
    client.rename_registered_model(book, f"{book}.broken")
    with pytest.raises(LedgerError, match="BROKEN at entry 1: it is missing: the head that was noted is entry 2"):
        promotion.reconcile(ledger)
    client.delete_registered_model_tag(ledger.name, "finetrail.ledger_head")
    promotion.reconcile(ledger)
    assert kinds(ledger) == ["external"]
    assert state(ledger) == (2, 1)
