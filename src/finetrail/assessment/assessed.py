"""What every assessment is given."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetrail.contents.content import Backbone
from finetrail.data.splitting.settings import Split
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.evaluation.scores.metric import Metric
from finetrail.progress import Track
from finetrail.workspace import Workspace

if TYPE_CHECKING:
    from finetrail.tasks.task import Built


@dataclass(frozen=True)
class Given:
    """The chosen model, the rows to assess it on, and how to go about it.

    Attributes:
        candidate: the name of the model.
        seed: of the workspace, section `seed`.
        metric: the one that candidates were chosen by.
        backbone, training: the sections `backbone` and `train` of the candidate.
        split: the section, which knows what rows are near.
        tell: takes a line for people before the work begins, such as how long it will take.
    """

    candidate: str
    built: "Built"
    workspace: Workspace
    seed: int
    metric: Metric
    draws: Draws
    backbone: Backbone
    training: Any
    split: Split
    track: Track
    tell: Callable[[str], None]
