"""What answers in a context mean to the split: rows with and without one are kept in proportion."""

from collections.abc import Mapping, Sequence
from typing import Any

from finetrail.data.splitting.rows import Division
from finetrail.data.splitting.settings import Counts
from finetrail.errors import SplitError
from finetrail.targets.spans.settings import ANSWERABLE, UNANSWERABLE


class SpanStrata:
    """See `finetrail.data.splitting.settings.Strata`."""

    divide = None

    def of(
        self, labels: Sequence[Sequence[Mapping[str, Any]]], official: Sequence[str | None], settings: Division
    ) -> list[tuple[str, ...]]:
        return [(ANSWERABLE if label else UNANSWERABLE,) for label in labels]

    def refuse(self, counts: Counts, labels: Sequence[Sequence[Mapping[str, Any]]]) -> None:
        if not any(labels):
            raise SplitError(
                f"none of the {len(labels)} questions of train has an answer: there is nothing to learn; add some"
            )
