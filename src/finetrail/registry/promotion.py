"""The aliases `champion` and `previous`, moved by entries of the ledger: promotion, rollback, changes by hand.

The entry comes first and the aliases follow: the ledger decides which of two concurrent promotions wins, and the next
command repairs a crash in between. A change without an entry was made by hand, and gets one.
"""

from typing import Any

from finetrail.errors import ConflictError, RefusedError
from finetrail.registry.chain import Aliases, Chain, Entry, Kind
from finetrail.registry.ledger import TRIES, Ledger, LostRaceError
from finetrail.registry.versions import moved_aliases, set_aliases, versions

BY_HAND = "unknown"


def reconcile(ledger: Ledger) -> Chain:
    """Finish what a crash cut off, enter what was done by hand, and return the chain.

    Raises:
        LedgerError: the ledger is broken.
    """
    for _ in range(TRIES):
        # The order matters. Aliases that move after the chain was read belong to a later entry, which makes ours lose
        # the race; aliases read after an entry was applied are not older than that entry.
        chain = ledger.read()
        last = chain.last_move
        settled = last is None or ledger.applied(last)
        actual = moved_aliases(ledger.tracker, ledger.name)
        if not settled and last is not None and last.before is not None and last.after is not None:
            left = {one.version for one in versions(ledger.tracker, ledger.name)} | {None}
            whole = {last.after.champion, last.after.previous} <= left
            if whole and actual.champion in (last.before.champion, last.after.champion):
                settle(ledger)
                continue
            ledger.mark_applied(last)  # somebody chose another one since, or deleted it
        if actual == chain.state:
            return chain
        try:
            _enter_external(ledger, chain, actual)
        except LostRaceError:
            continue
        settle(ledger)
    raise ConflictError(f"the registry of {ledger.name!r} keeps changing; run again")


def promote(ledger: Ledger, version: int, compared: int | None, **rest: Any) -> Entry:
    """Make a version the champion.

    Args:
        compared: the champion that it was compared with.
        rest: the entry's other fields.

    Raises:
        ConflictError: another version has become champion since.
    """
    return _move(ledger, "promotion", version, compared, **rest)


def rollback(ledger: Ledger, to: int | None) -> Entry:
    """Make the previous champion, or an earlier one, the champion again; doing it twice undoes it.

    Raises:
        RefusedError: there is none, or it never was champion.
        ConflictError: another version has become champion meanwhile.
    """
    chain = reconcile(ledger)
    state = chain.state
    target = state.previous if to is None else to
    if target is None:
        raise RefusedError(f"{ledger.name!r} has no previous champion to go back to; promote a version first")
    if target == state.champion:
        raise RefusedError(f"version {target} of {ledger.name!r} is already the champion; name another with --to")
    if target not in chain.champions():
        known = ", ".join(map(str, sorted(chain.champions()))) or "none"
        raise RefusedError(
            f"version {target} of {ledger.name!r} was never champion (these were: {known}); "
            f"`finetrail promote {target}` puts it through the gate"
        )
    found = {one.version: one.fingerprint for one in versions(ledger.tracker, ledger.name)}
    if target not in found:
        raise RefusedError(f"version {target} of {ledger.name!r} is no longer in the registry; name another with --to")
    verdict = f"version {target} is champion again, in place of {state.champion or 'none'}"
    return _move(ledger, "rollback", target, state.champion, verdict=verdict, model=found[target])


def settle(ledger: Ledger) -> None:
    """Move the aliases as the last entry says, unless somebody already has.

    Checks again after each move: if this process stalled while another went on, it corrects its own late write.
    """
    written = None
    while (last := ledger.read().last_move) is not None and last.number != written and last.after is not None:
        if written is None and ledger.applied(last):
            return
        set_aliases(ledger.tracker, ledger.name, last.after)
        ledger.mark_applied(last)
        written = last.number


def _move(ledger: Ledger, kind: Kind, version: int, compared: int | None, **rest: Any) -> Entry:
    for _ in range(TRIES):
        chain = reconcile(ledger)
        before = chain.state
        if before.champion != compared:
            raise ConflictError(
                f"the champion of {ledger.name!r} is version {before.champion or 'none'} now, but was "
                f"{compared or 'none'} when this began: somebody else changed it; run again"
            )
        after = Aliases(champion=version, previous=before.champion or before.previous)
        try:
            entry = ledger.append(chain, kind, version=version, before=before, after=after, **rest)
        except LostRaceError:
            continue
        settle(ledger)
        return entry
    raise ConflictError(f"{TRIES} others changed the registry of {ledger.name!r} first; run again")


def _enter_external(ledger: Ledger, chain: Chain, actual: Aliases) -> None:
    before = chain.state
    after = actual
    # `previous` is the champion before this one, so that a rollback undoes what was done by hand too.
    left = {one.version for one in versions(ledger.tracker, ledger.name)}
    if actual.champion != before.champion and actual.previous == before.previous and before.champion in left:
        after = Aliases(actual.champion, before.champion)
    said = f"champion {before.champion or 'none'} became {actual.champion or 'none'}"
    if actual.champion == before.champion:
        said = f"previous {before.previous or 'none'} became {actual.previous or 'none'}"
    ledger.append(
        chain,
        "external",
        who=BY_HAND,
        version=actual.champion,
        before=before,
        after=after,
        verdict=f"set by hand, outside finetrail: {said}",
    )
