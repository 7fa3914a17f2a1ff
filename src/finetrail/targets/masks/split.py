"""What masks mean to the split: images with each class are kept in proportion, and each class must be learned."""

from collections.abc import Mapping, Sequence
from typing import Any

from finetrail.data.splitting.rows import Divide, Division
from finetrail.data.splitting.settings import Counts
from finetrail.errors import SplitError
from finetrail.targets.class_sets.strata import divide
from finetrail.targets.classes.strata import refuse_unlearned
from finetrail.targets.masks.label import names_in

Labels = Sequence[Mapping[str, Any]]


class MaskStrata:
    """See `finetrail.data.splitting.settings.Strata`. An image is in as many strata as it has classes."""

    @property
    def divide(self) -> Divide:
        return divide

    def of(self, labels: Labels, official: Sequence[str | None], settings: Division) -> list[tuple[str, ...]]:
        return [tuple(names_in(label)) for label in labels]

    def refuse(self, counts: Counts, labels: Labels) -> None:
        refuse_unlearned(counts)
        if not any(map(names_in, labels)):
            raise SplitError(
                f"none of the {len(labels)} masks of train has a class beside the background: there is nothing to "
                "learn; add some"
            )
