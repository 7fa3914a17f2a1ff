"""Section `assess.labels` of params.yaml. Imports no numpy, because `config.py` needs it in every process."""

from pydantic import Field

from finetrail.settings import Settings
from finetrail.tasks.task import Task


class Labels(Settings):
    """Section `assess.labels`.

    Attributes:
        folds: each row is answered by a head that was trained on the rows of all other folds.
        max_shown: suspects in the report and in `finetrail review`, the most suspicious first.
        neighbours: rows to show beside each suspect, the most similar first.
    """

    folds: int = Field(default=5, ge=2, le=50)
    max_shown: int = Field(default=200, ge=1, le=2_000)
    neighbours: int = Field(default=3, ge=0, le=20)


def labels_of(task: Task) -> type[Labels]:
    """The section, which is the same for every task."""
    return Labels
