"""`finetrail history`: the ledger, checked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from finetrail.commands.columns import aligned
from finetrail.registry import promotion
from finetrail.registry.chain import Chain, Entry
from finetrail.registry.heads import REF, first_of
from finetrail.registry.ledger import open_ledger
from finetrail.runs import tracking
from finetrail.workspace import Workspace


@dataclass(frozen=True)
class History:
    """A ledger that holds.

    Attributes:
        chain: its entries, the oldest first.
        signers: who signed an entry, by its number.
        lines: for people: every entry, and the head to note elsewhere.
    """

    chain: Chain
    signers: Mapping[int, str]
    lines: tuple[Text, ...]

    def as_json(self) -> dict[str, Any]:
        """The entries and the head."""
        entries = [asdict(one) | {"signed_by": self.signers.get(one.number)} for one in self.chain.entries]
        return {"entries": entries, "head": self.chain.head if entries else None}


def history(workspace: Workspace, project: str, head: str | None = None) -> History:
    """Read the ledger and check it.

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
        return History(chain, {}, (Text(f"the ledger of {project} is empty{gone}"),))
    signers = ledger.signers(chain)
    allowed = ledger.signatures.allowed if ledger.signatures else None
    return History(chain, signers, tuple(_lines(chain, signers, allowed, _anchored(noted, chain))))


def _lines(chain: Chain, signers: Mapping[int, str], allowed: Path | None, anchored: str) -> Iterator[Text]:
    """Args: allowed: the file of those who may sign, if there is one."""
    yield from _entries(chain, signers)
    void = len(chain.texts) - len(chain.entries)
    aside = f", {void} void (somebody else was first)" if void else ""
    if allowed:
        yield Text(f"{len(signers)} of {len(chain.entries)} entries are signed by those in {allowed}")
    yield Text(anchored)
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
