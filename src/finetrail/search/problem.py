"""What a study works on: a candidate with open settings, and what all of its trials share."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from finetrail.evaluation.scores.metric import Metric
from finetrail.runs.hashes import hash_of
from finetrail.search.candidate import Searched
from finetrail.search.dimensions import Value
from finetrail.search.settings import Search
from finetrail.targets.target import metric_named
from finetrail.tasks.task import Task
from finetrail.units.shared import Shared
from finetrail.units.store import Answered
from finetrail.units.unit import Unit
from finetrail.units.units import Units
from finetrail.workspace import Workspace


@dataclass(frozen=True)
class Problem:
    """A search to carry out.

    Attributes:
        name: of the candidate.
        search: its section.
        seed: of the workspace.
        fold: the fold of the training rows that it does without; 0: none. See `Search.nested`.
        known: what another search on the same rows has read; None: nothing yet.
    """

    workspace: Workspace
    project: str
    task: Task
    name: str
    candidate: Searched
    search: Search
    seed: int
    fold: int = 0
    known: Shared | None = None

    @cached_property
    def metric(self) -> Metric:
        """What the search is by: the metric that picks a training's best evaluation."""
        settings: Any = self.candidate.train
        return metric_named(self.task.target.training_metrics, settings.metric)

    def goodness(self, done: Answered) -> float:
        """The metric of a training, as a number where higher is better."""
        return self.metric.goodness(done.val[self.metric.name])

    @cached_property
    def shared(self) -> Shared:
        """Rows, encodings and features, for all trials of this process."""
        return self.known or Shared(self.workspace, self.task, self.candidate.train, self.seed)

    @cached_property
    def key(self) -> str:
        """The hash of all that makes trials comparable; another space is another study."""
        space, points = self.candidate.space, self.candidate.points
        fixed = points[0].model_dump(mode="json", exclude={"search"})
        parts = {
            "fixed": fixed,
            "space": [one.as_json() for one in space.recorded],
            "weights": sorted({self.shared.weights(point) for point in points}),
            "beside": [self.shared.beside(point) for point in points],
            "search": {"seeds": self.search.seeds, "cost": self.search.cost},
            "seed": self.seed,
            "fold": [self.fold, self.folds],
        }
        return hash_of(self.shared.identity | dict(self.task.identity) | parts)

    def units(self, parameters: dict[str, Value]) -> Units:
        """The trainings at a point of the space."""
        return Units(self.workspace, self.name, self.candidate.at(parameters), self.task, self.seed, shared=self.shared)

    @property
    def tried(self) -> list[Unit]:
        """The trainings of a trial."""
        return [Unit(self.seed + number, 1.0, self.fold, self.folds) for number in range(self.search.seeds)]

    @property
    def confirming(self) -> list[Unit]:
        """The trainings that confirm a trial, with seeds that no trial has used."""
        confirm = self.search.confirm
        first = self.seed + self.search.seeds
        count = 0 if confirm is None else confirm.seeds
        return [Unit(first + number, 1.0, self.fold, self.folds) for number in range(count)]

    @property
    def folds(self) -> int:
        """How many there are; 0 where this is the search on all rows."""
        return (self.search.nested or 0) if self.fold else 0

    @property
    def nested(self) -> list["Problem"]:
        """The same search without each of the folds."""
        return [replace(self, fold=fold + 1, known=self.shared) for fold in range(self.search.nested or 0)]
