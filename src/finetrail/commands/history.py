"""`finetrail history`: the ledger, checked."""

from collections.abc import Iterator

from rich.text import Text

from finetrail.commands.columns import aligned
from finetrail.registry import promotion
from finetrail.registry.chain import Chain, Entry
from finetrail.registry.ledger import Ledger, author
from finetrail.runs import tracking
from finetrail.workspace import Workspace


def history(workspace: Workspace, project: str, head: str | None = None) -> Iterator[Text]:
    """Every entry, the oldest first, and the head to note elsewhere.

    Args:
        head: as it was noted elsewhere, to check the ledger against.

    Raises:
        LedgerError: an entry is missing or altered; the message says which.
    """
    ledger = Ledger(tracking.connect(workspace, project), project, author(workspace.root))
    chain = promotion.reconcile(ledger)
    if head is not None:
        chain.hold_against(head)
    if not chain.texts:
        yield Text(f"the ledger of {project} is empty")
        return
    yield from _entries(chain)
    void = len(chain.texts) - len(chain.entries)
    aside = f", {void} void (somebody else was first)" if void else ""
    yield Text(f"{len(chain.entries)} entries{aside}: the chain holds")
    yield Text(f"head {chain.head}")


def _entries(chain: Chain) -> Iterator[Text]:
    rows = []
    for one in chain.entries:
        version = str(one.version) if one.version is not None else one.model[:12]
        rows.append((str(one.number), one.when, one.who, one.kind, version, _moved(one), _said(one)))
    yield from aligned(("", "when", "who", "what", "version", "champion", "verdict"), rows)


def _moved(entry: Entry) -> str:
    if entry.before is None or entry.after is None:
        return ""
    return f"{entry.before.champion or 'none'} -> {entry.after.champion or 'none'}"


def _said(entry: Entry) -> str:
    if entry.kind != "scoring":
        return entry.verdict
    values = ", ".join(f"{name} {value:.3f}" for name, value in entry.metrics.items())
    return f"on test split {entry.test_split[:12]}: {values}"
