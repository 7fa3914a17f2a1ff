"""What tags mean to the split: rows with spans of each type are kept in proportion, and each type must be learned."""

from collections.abc import Mapping, Sequence
from typing import Any

from finetrail.data.splitting.rows import Divide, Division
from finetrail.data.splitting.settings import Counts
from finetrail.errors import SplitError
from finetrail.targets.class_sets.strata import divide
from finetrail.targets.classes.strata import refuse_unlearned

Labels = Sequence[Sequence[Mapping[str, Any]]]


class TagStrata:
    """See `finetrail.data.splitting.settings.Strata`. A row is in as many strata as it has types."""

    @property
    def divide(self) -> Divide:
        return divide

    def of(self, labels: Labels, official: Sequence[str | None], settings: Division) -> list[tuple[str, ...]]:
        return [tuple(sorted({span["type"] for span in label})) for label in labels]

    def refuse(self, counts: Counts, labels: Labels) -> None:
        refuse_unlearned(counts)
        if not any(labels):
            raise SplitError(f"none of the {len(labels)} rows of train has a span: there is nothing to learn; add some")
