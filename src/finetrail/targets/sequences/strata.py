"""What texts to write mean to the split: the distribution of their lengths is kept."""

from collections.abc import Sequence

from finetrail.data.splitting.rows import Division
from finetrail.data.splitting.settings import Counts
from finetrail.errors import SplitError
from finetrail.targets.numbers.strata import NumberStrata


class LengthStrata:
    """See `finetrail.data.splitting.settings.Strata`. Strata are ranges of a label's characters."""

    divide = None

    def of(self, labels: Sequence[str], official: Sequence[str | None], settings: Division) -> list[tuple[str, ...]]:
        return NumberStrata().of([float(len(label)) for label in labels], official, settings)

    def refuse(self, counts: Counts, labels: Sequence[str]) -> None:
        if len(set(labels)) < 2:
            raise SplitError(
                f"all {len(labels)} rows of train have the same text as label: there is nothing to learn; add rows "
                "with other texts"
            )
