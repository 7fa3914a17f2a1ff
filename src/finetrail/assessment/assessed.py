"""What every assessment is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Selection
from finetrail.progress import Track
from finetrail.training.candidate import Candidate
from finetrail.workspace import Workspace

if TYPE_CHECKING:
    from finetrail.tasks.task import Built


@dataclass(frozen=True)
class Given:
    """The chosen model, the rows to assess it on, and how to go about it.

    Attributes:
        candidate: the name of the model.
        seed: of the workspace, section `seed`.
        candidates: all of params.yaml, by name.
        selection: how candidates were chosen.
        metric: the one that candidates were chosen by.
        tell: takes a line for people before the work begins, such as how long it will take.
    """

    candidate: str
    built: "Built"
    workspace: Workspace
    seed: int
    candidates: Mapping[str, Candidate]
    selection: Selection
    metric: Metric
    draws: Draws
    track: Track
    tell: Callable[[str], None]
