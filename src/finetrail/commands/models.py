"""`finetrail models`: the registered versions, with their aliases and results."""

import time
from collections.abc import Iterator

from rich.text import Text

from finetrail.commands.columns import aligned
from finetrail.evaluation.scores.metric import Metric
from finetrail.registry import promotion
from finetrail.registry.ledger import open_ledger
from finetrail.registry.meant import follow
from finetrail.registry.versions import ALIASES, aliases, versions
from finetrail.runs import tracking
from finetrail.workspace import Workspace

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def models(workspace: Workspace, project: str, metric: Metric) -> Iterator[Text]:
    """The versions, the newest first. Args: metric: the one that the gate uses."""
    tracker = tracking.connect(workspace, project)
    promotion.reconcile(open_ledger(tracker, project, workspace.root))
    moved = follow(workspace, tracker, project)
    known, named = versions(tracker, project), aliases(tracker, project)
    if not known:
        yield Text(f"no version of {project} is registered; {moved or 'run `dvc repro`'}")
        return
    rows = []
    order = {alias: place for place, alias in enumerate(ALIASES)}
    for one in known:
        own = sorted(
            (alias for alias, number in named.items() if number == one.version),
            key=lambda alias: (order.get(alias, len(order)), alias),
        )
        row = (
            str(one.version),
            ", ".join(own),
            one.tags.get("finetrail.candidate", ""),
            one.tags.get(f"finetrail.test_{metric.name}", ""),
            one.tags.get("finetrail.data_sha256", "")[:12],
            one.tags.get("finetrail.gate", "").partition(":")[0],
            _age(time.time() - one.created),
        )
        rows.append(row)
    yield from aligned(("version", "aliases", "candidate", f"test {metric.title}", "data", "gate", "age"), rows)
    if moved:
        yield Text(moved)


def _age(seconds: float) -> str:
    return next((f"{seconds // size:.0f} {unit}" for size, unit in _UNITS if seconds >= size), f"{seconds:.0f} s")
