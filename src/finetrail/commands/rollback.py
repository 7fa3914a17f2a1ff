"""`finetrail rollback`: make the previous champion the champion again."""

from finetrail.registry import promotion
from finetrail.registry.chain import Entry
from finetrail.registry.ledger import open_ledger
from finetrail.runs import tracking
from finetrail.workspace import Workspace


def rollback(workspace: Workspace, project: str, to: int | None) -> Entry:
    """Swap `champion` and `previous`, so that doing it again undoes it.

    Args:
        to: an earlier champion, instead of the previous one.

    Raises:
        RefusedError: there is nothing to go back to.
    """
    tracker = tracking.connect(workspace, project)
    return promotion.rollback(open_ledger(tracker, project, workspace.root), to)
