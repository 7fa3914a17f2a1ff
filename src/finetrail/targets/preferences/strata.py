"""What preference pairs mean to the split: the distribution of their chosen answers' lengths is kept."""

from collections.abc import Sequence
from typing import Any

from finetrail.data.splitting.rows import Division
from finetrail.data.splitting.settings import Counts
from finetrail.errors import SplitError
from finetrail.targets.preferences.reading import chosen_of, key_of
from finetrail.targets.sequences.strata import LengthStrata


class PairStrata:
    """See `finetrail.data.splitting.settings.Strata`."""

    divide = None

    def of(self, labels: Sequence[Any], official: Sequence[str | None], settings: Division) -> list[tuple[str, ...]]:
        return LengthStrata().of(chosen_of(labels), official, settings)

    def refuse(self, counts: Counts, labels: Sequence[Any]) -> None:
        if len(set(map(key_of, labels))) < 2:
            raise SplitError(
                f"all {len(labels)} rows of train have the same pair of answers: there is nothing to learn; add rows "
                "with other answers"
            )
