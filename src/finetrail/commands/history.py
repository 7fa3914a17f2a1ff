"""`finetrail history`: the ledger, checked."""

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from finetrail.commands.columns import aligned
from finetrail.registry import promotion
from finetrail.registry.chain import Chain, Entry
from finetrail.registry.heads import REF, first_of
from finetrail.registry.ledger import open_ledger
from finetrail.runs import tracking
from finetrail.workspace import Workspace


def history(workspace: Workspace, project: str, head: str | None = None) -> Iterator[Text]:
    """Every entry, the oldest first, and the head to note elsewhere.

    Args:
        head: as it was noted elsewhere, to check the ledger against.

    Raises:
        LedgerError: an entry is missing or altered; the message says which.
    """
    ledger = open_ledger(tracking.connect(workspace, project), project, workspace.root)
    chain = promotion.reconcile(ledger)
    if head is not None:
        chain.hold_against(head)
    noted = ledger.heads.noted() if ledger.heads else []
    if not chain.texts:
        gone = f", but git's notes have {len(noted)} heads of an earlier one" if noted else ""
        yield Text(f"the ledger of {project} is empty{gone}")
        return
    signers = ledger.signers(chain)
    yield from _entries(chain, signers)
    void = len(chain.texts) - len(chain.entries)
    aside = f", {void} void (somebody else was first)" if void else ""
    if ledger.signatures and ledger.signatures.allowed:
        yield Text(f"{len(signers)} of {len(chain.entries)} entries are signed by those in {ledger.signatures.allowed}")
    yield Text(_anchored(noted, chain))
    yield Text(f"{len(chain.entries)} entries{aside}: the chain holds")
    yield Text(f"head {chain.head}")


def _anchored(noted: Sequence[Mapping[str, str]], chain: Chain) -> str:
    """What git's notes know of the ledger. Args: noted: the heads; those of this ledger agree, or it was not read."""
    if not noted:
        return "git's notes have no head of it: nothing outside of MLflow proves that it is whole"
    own = [one for one in noted if one["first"] == first_of(chain)]
    earlier = len({one["first"] for one in noted} - {first_of(chain)})
    gone = f"; of {earlier} earlier ledger{'s' if earlier > 1 else ''} of this name, nothing is left" if earlier else ""
    agree = "1 head in git's notes agrees" if len(own) == 1 else f"{len(own)} heads in git's notes agree"
    return f"{agree}; `git push origin refs/notes/{REF}` shares them{gone}"


def _entries(chain: Chain, signers: Mapping[int, str]) -> Iterator[Text]:
    rows = []
    scored: list[str] = []  # test splits so far
    for one in chain.entries:
        version = str(one.version) if one.version is not None else one.model[:12]
        who = f"{one.who}, signed by {signers[one.number]}" if one.number in signers else one.who
        rows.append((str(one.number), one.when, who, one.kind, version, _moved(one), _said(one, scored)))
        scored += [one.test_split] if one.kind == "scoring" else []
    yield from aligned(("", "when", "who", "what", "version", "champion", "verdict"), rows)


def _moved(entry: Entry) -> str:
    if entry.before is None or entry.after is None:
        return ""
    return f"{entry.before.champion or 'none'} -> {entry.after.champion or 'none'}"


def _said(entry: Entry, scored: Sequence[str]) -> str:
    """The verdict, or the scores. Args: scored: the test splits of earlier scorings."""
    if entry.kind != "scoring":
        return entry.verdict
    values = ", ".join(f"{name} {value:.3f}" for name, value in entry.metrics.items())
    new = "new " if scored and entry.test_split not in scored else ""
    return f"on {new}test split {entry.test_split[:12]}: {values}"
