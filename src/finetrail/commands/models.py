"""`finetrail models`: the registered versions, with their aliases and results."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.text import Text

from finetrail.commands.columns import aligned
from finetrail.evaluation.scores.metric import Metric
from finetrail.registry import promotion
from finetrail.registry.ledger import open_ledger
from finetrail.registry.meant import follow
from finetrail.registry.versions import ALIASES, Known, aliases, versions
from finetrail.runs import tracking
from finetrail.workspace import Workspace

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


@dataclass(frozen=True)
class Listed:
    """The registered versions of a project.

    Attributes:
        versions: the newest first, each with its aliases.
        moved: what happened to the alias of the challenger, in a sentence; empty for nothing.
    """

    project: str
    metric: Metric
    versions: tuple[tuple[Known, tuple[str, ...]], ...]
    moved: str

    def as_json(self) -> list[dict[str, Any]]:
        """What the registry has of each version."""
        return [asdict(one) | {"aliases": list(own)} for one, own in self.versions]

    def lines(self) -> Iterator[Text]:
        """For people."""
        if not self.versions:
            yield Text(f"no version of {self.project} is registered; {self.moved or 'run `dvc repro`'}")
            return
        titles = ("version", "aliases", "candidate", f"test {self.metric.title}", "data", "gate", "age")
        yield from aligned(titles, [self._row(one, own) for one, own in self.versions])
        if self.moved:
            yield Text(self.moved)

    def _row(self, one: Known, own: tuple[str, ...]) -> tuple[str, ...]:
        return (
            str(one.version),
            ", ".join(own),
            one.tags.get("finetrail.candidate", ""),
            one.tags.get(f"finetrail.test_{self.metric.name}", ""),
            one.tags.get("finetrail.data_sha256", "")[:12],
            one.tags.get("finetrail.gate", "").partition(":")[0],
            _age(time.time() - one.created),
        )


def models(workspace: Workspace, project: str, metric: Metric) -> Listed:
    """The versions of a project. Args: metric: the one that the gate uses."""
    tracker = tracking.connect(workspace, project)
    promotion.reconcile(open_ledger(tracker, project, workspace.root))
    moved = follow(workspace, tracker, project)
    known, named = versions(tracker, project), aliases(tracker, project)
    order = {alias: place for place, alias in enumerate(ALIASES)}
    listed = []
    for one in known:
        own = [alias for alias, number in named.items() if number == one.version]
        listed.append((one, tuple(sorted(own, key=lambda alias: (order.get(alias, len(order)), alias)))))
    return Listed(project, metric, tuple(listed), moved)


def _age(seconds: float) -> str:
    return next((f"{seconds // size:.0f} {unit}" for size, unit in _UNITS if seconds >= size), f"{seconds:.0f} s")
