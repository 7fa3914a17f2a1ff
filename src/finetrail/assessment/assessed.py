"""What every assessment is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetrail.data.splitting.settings import Split
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Selection
from finetrail.progress import Track
from finetrail.search.candidate import Searched
from finetrail.workspace import Workspace

if TYPE_CHECKING:
    from finetrail.tasks.task import Built


@dataclass(frozen=True)
class Pipeline:
    """The sections of params.yaml that the model comes from: what an assessment may do again."""

    selection: Selection
    seed: int
    split: Split
    candidates: Mapping[str, Searched]


@dataclass(frozen=True)
class Given:
    """The chosen model, the rows to assess it on, and how to go about it.

    Attributes:
        candidate: the name of the model.
        metric: the one that candidates were chosen by.
        tell: takes a line for people before the work begins, such as how long it will take.
    """

    candidate: str
    built: "Built"
    workspace: Workspace
    pipeline: Pipeline
    metric: Metric
    draws: Draws
    track: Track
    tell: Callable[[str], None]

    @property
    def settings(self) -> Searched:
        """The candidate's own section."""
        return self.pipeline.candidates[self.candidate]
