"""The ledger's entries and the chain that they form: each holds the hash of the one before, so tampering shows.

Entry N is kept in slot N of a store that numbers its slots itself. A writer that loses a race gets a slot whose number
is not the one in its entry: that makes the entry void. It stays in the chain all the same.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from finetrail.errors import LedgerError

Kind = Literal["registration", "promotion", "refusal", "rollback", "external", "scoring", "lineage", "assessment"]


@dataclass(frozen=True)
class Aliases:
    """The versions that have the aliases `champion` and `previous`."""

    champion: int | None = None
    previous: int | None = None


@dataclass(frozen=True)
class Entry:
    """One event.

    Attributes:
        number: from 1.
        previous: the sha256 of the text of the entry before, void ones included; empty for the first.
        when: in UTC.
        version: the version concerned; None for a model that has none yet, as at its registration.
        before, after: the aliases, if the entry moved them.
        model: the fingerprint of the model's files.
        test_split: the sha256 of the test rows that it was scored on.
        verdict: what was found, in a sentence.
        facts: hashes and ids that lead to the evidence.
        metrics: the scores, if the entry is a scoring.
    """

    number: int
    previous: str
    kind: Kind
    when: str
    who: str
    version: int | None = None
    before: Aliases | None = None
    after: Aliases | None = None
    model: str = ""
    test_split: str = ""
    verdict: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The entry as text, always written the same way."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @staticmethod
    def from_text(text: str) -> "Entry":
        """Read back what `text` wrote. Raises: ValueError: `text` did not write it."""
        try:
            value: dict[str, Any] = json.loads(text)
            if set(value) != {one.name for one in fields(Entry)}:
                raise ValueError("its keys are not those of an entry")
            moved = {key: Aliases(**value[key]) if value[key] is not None else None for key in ("before", "after")}
            entry = Entry(**(value | moved))
        except TypeError as error:
            raise ValueError("its values are not those of an entry") from error
        if entry.text != text:
            raise ValueError("it is not written as entries are")
        return entry


@dataclass(frozen=True)
class Chain:
    """All slots of a ledger, checked. Attributes: texts: one per slot; entries: those that are not void."""

    texts: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()

    @property
    def head(self) -> str:
        """Proves the whole chain, if kept elsewhere: the number of slots and the hash of the last text."""
        return f"{len(self.texts)}:{hash_text(self.texts[-1])}" if self.texts else "0:"

    @property
    def last_move(self) -> Entry | None:
        """The last entry that moved an alias."""
        return next((entry for entry in reversed(self.entries) if entry.after is not None), None)

    @property
    def state(self) -> Aliases:
        """The aliases according to the ledger."""
        last = self.last_move
        return last.after if last is not None and last.after is not None else Aliases()

    def champions(self) -> set[int]:
        """All versions that have ever been champion."""
        moves = [aliases for entry in self.entries for aliases in (entry.before, entry.after) if aliases is not None]
        return {one.champion for one in moves if one.champion is not None}

    def scored(self, test_split: str) -> set[str]:
        """The fingerprints of the models that were scored on a test split."""
        return {entry.model for entry in self.entries if entry.kind == "scoring" and entry.test_split == test_split}

    def scorings(self, test_split: str, model: str) -> list[Entry]:
        """The scorings of a model on a test split, the last one last."""
        wanted = ("scoring", test_split, model)
        return [entry for entry in self.entries if (entry.kind, entry.test_split, entry.model) == wanted]

    def promotion(self, version: int) -> Entry | None:
        """The last entry by which a version passed the gate."""
        passed = (one for one in reversed(self.entries) if (one.kind, one.version) == ("promotion", version))
        return next(passed, None)

    def hold_against(self, head: str) -> None:
        """Compare with a head that was noted earlier, elsewhere. Raises: LedgerError: the chain does not contain it.

        The head may be older than the chain: the next head proves what came after it.
        """
        number, _, digest = head.partition(":")
        if not number.isdecimal():
            raise broken(len(self.texts), f"the head that was noted, {head!r}, is not a head")
        place = int(number)
        if place > len(self.texts):
            raise broken(len(self.texts) + 1, f"it is missing: the head that was noted is entry {place}")
        if (hash_text(self.texts[place - 1]) if place else "") != digest:
            raise broken(place, "it was altered: its hash is not that of the head that was noted")

    def following(self, kind: Kind, when: str, who: str, **rest: Any) -> Entry:
        """The entry for the next slot."""
        previous = hash_text(self.texts[-1]) if self.texts else ""
        return Entry(len(self.texts) + 1, previous, kind, when, who, **rest)


def hash_text(text: str) -> str:
    """The sha256 of an entry's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def check(slots: Mapping[int, str | None], head: str | None = None) -> Chain:
    """Check a chain from its slots. Args: head: a head that was noted, if any.

    Raises:
        LedgerError: an entry is missing or not what it was; the message says which.
    """
    last = max(slots, default=0)
    texts: list[str] = []
    entries: list[Entry] = []
    for number in range(1, last + 1):
        text = slots.get(number)
        if text is None:
            raise broken(number, "it is missing")
        try:
            entry = Entry.from_text(text)
        except ValueError as error:
            raise broken(number, f"it was altered: {error}") from error
        if entry.number > number:
            raise broken(number, f"it says that it is entry {entry.number}")
        if entry.number == number:
            if entry.previous != (hash_text(texts[-1]) if texts else ""):
                raise broken(number, "it does not carry the hash of the entry before: one of the two was altered")
            entries.append(entry)
        texts.append(text)
    chain = Chain(tuple(texts), tuple(entries))
    if head is not None:
        chain.hold_against(head)
    return chain


def broken(number: int, why: str) -> LedgerError:
    """The error for a broken chain."""
    return LedgerError(
        f"the ledger is BROKEN at entry {number}: {why}; restore MLflow's database from a backup, or start a new "
        "ledger as docs/gate.md says"
    )
