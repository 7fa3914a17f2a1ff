"""The ledger's chain: whatever is changed, deleted or swapped in it is found, given the head."""

import json
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.errors import LedgerError
from finetrail.registry.chain import Aliases, Chain, Entry, check, hash_text

WHEN = "2026-11-22T10:00:00+00:00"


def grown(length: int) -> Chain:
    """A chain of promotions and scorings, in turns."""
    chain = Chain()
    for number in range(length):
        state = chain.state
        rest: dict[str, Any] = {"version": number + 1, "model": f"m{number % 3}", "test_split": "aa"}
        if number % 2:
            entry = chain.following("scoring", WHEN, "Toy", metrics={"accuracy": 0.5}, facts={"run_id": "r"}, **rest)
        else:
            after = Aliases(number + 1, state.champion)
            entry = chain.following("promotion", WHEN, "Toy", before=state, after=after, verdict="better", **rest)
        chain = Chain((*chain.texts, entry.text), (*chain.entries, entry))
    return chain


def slots(chain: Chain) -> dict[int, str | None]:
    return dict(enumerate(chain.texts, start=1))


@given(st.integers(0, 8))
def test_a_chain_that_nobody_touched_holds(length: int) -> None:
    chain = grown(length)
    assert check(slots(chain), chain.head) == chain
    assert check(slots(chain)) == chain


@given(st.integers(1, 6), st.data())
def test_a_changed_field_is_found(length: int, data: st.DataObject) -> None:
    chain = grown(length)
    place = data.draw(st.integers(1, length))
    name = data.draw(st.sampled_from([one.name for one in fields(Entry)]))
    other: dict[str, Any] = {"number": 99, "previous": "0" * 64, "kind": "external", "version": 77}
    other |= {"before": Aliases(5, 6), "after": Aliases(7, 8), "facts": {"x": "y"}, "metrics": {"accuracy": 0.9}}
    entry = replace(chain.entries[place - 1], **{name: other.get(name, "changed")})
    with pytest.raises(LedgerError, match="the ledger is BROKEN at entry"):
        check(slots(chain) | {place: entry.text}, chain.head)


@given(st.integers(1, 6), st.data())
def test_any_other_character_is_found(length: int, data: st.DataObject) -> None:
    chain = grown(length)
    place = data.draw(st.integers(1, length))
    text = chain.texts[place - 1]
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda one: one != text[at]))
    with pytest.raises(LedgerError, match="BROKEN"):
        check(slots(chain) | {place: text[:at] + letter + text[at + 1 :]}, chain.head)


@given(st.integers(1, 6), st.data())
def test_a_deleted_entry_is_found(length: int, data: st.DataObject) -> None:
    chain = grown(length)
    place = data.draw(st.integers(1, length))
    left = {number: text for number, text in slots(chain).items() if number != place}
    with pytest.raises(LedgerError, match=f"BROKEN at entry {place}: it is missing"):
        check(left, chain.head)


@given(st.integers(2, 6), st.data())
def test_swapped_entries_are_found(length: int, data: st.DataObject) -> None:
    chain = grown(length)
    one, other = data.draw(st.lists(st.integers(1, length), min_size=2, max_size=2, unique=True))
    swapped = slots(chain) | {one: chain.texts[other - 1], other: chain.texts[one - 1]}
    with pytest.raises(LedgerError, match="BROKEN"):
        check(swapped)


@given(st.integers(1, 6), st.integers(1, 6))
def test_without_the_last_entries_only_the_head_tells(length: int, fewer: int) -> None:
    """What the chain cannot prove of itself, and why its head is worth keeping elsewhere."""
    chain, shorter = grown(length), grown(max(0, length - fewer))
    assert check(slots(shorter)) == shorter
    with pytest.raises(LedgerError, match="it is missing: the head that was noted is entry"):
        check(slots(shorter), chain.head)
    assert check(slots(chain), shorter.head) == chain  # an older head


def test_who_lost_a_race_left_a_void_entry_that_stays_in_the_chain() -> None:
    chain = grown(2)
    lost = grown(1).following("refusal", WHEN, "Other")  # says 2, and stands in 3
    assert lost.number == 2
    found = check(slots(chain) | {3: lost.text})
    assert found.entries == chain.entries
    assert found.texts[2] == lost.text
    after = found.following("refusal", WHEN, "Toy")
    assert (after.number, after.previous) == (4, hash_text(lost.text))
    assert check(dict(enumerate([*found.texts, after.text], start=1))).entries[-1] == after
    with pytest.raises(LedgerError, match="BROKEN at entry 4: it does not carry the hash"):
        check({**slots(chain), 3: lost.text.replace("Other", "Otter"), 4: after.text})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "it is missing"),
        ("no json", "it was altered"),
        ("[]", "it was altered"),
        ("{}", "its keys are not those of an entry"),
        (json.dumps(asdict(grown(1).entries[0])), "it is not written as entries are"),
        (grown(2).texts[1], "it says that it is entry 2"),
    ],
)
def test_what_is_no_entry_is_found(text: str | None, why: str) -> None:
    with pytest.raises(LedgerError, match=f"BROKEN at entry 1: .*{why}"):
        check({1: text})


def test_a_head_that_is_none_is_told() -> None:
    with pytest.raises(LedgerError, match="the head that was noted, 'abc', is not a head"):
        check(slots(grown(1)), "abc")


def test_what_a_chain_knows() -> None:
    chain = grown(5)
    assert chain.state == Aliases(5, 3)
    assert chain.champions() == {1, 3, 5}
    assert chain.scored("aa") == {"m1", "m0"}
    assert chain.scored("bb") == set()
    found = chain.scorings("aa", "m0")[-1]
    assert found is not None
    assert found.number == 4
    assert chain.scorings("aa", "m2") == []
    assert Chain().state == Aliases()
    assert Chain().head == "0:"
    assert check({}, "0:") == Chain()
