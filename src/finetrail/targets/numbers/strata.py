"""What numbers mean to the split: their distribution is kept, with about ten bins of equally many rows."""

from bisect import bisect_right
from collections.abc import Sequence

from finetrail.data.splitting.rows import Division
from finetrail.data.splitting.settings import Counts
from finetrail.errors import SplitError

BINS = 10


class NumberStrata:
    """See `finetrail.data.splitting.settings.Strata`."""

    divide = None

    def of(self, labels: Sequence[float], official: Sequence[str | None], settings: Division) -> list[tuple[str, ...]]:
        if settings.method == "official":
            divided = [value for value, split in zip(labels, official, strict=True) if split != "test"]
            return [(name,) for name in bins(labels, divided or labels, settings.val)]
        return [(name,) for name in bins(labels, labels, min(settings.val, settings.test))]

    def refuse(self, counts: Counts, labels: Sequence[float]) -> None:
        if len(set(labels)) < 2:
            raise SplitError(
                f"all {len(labels)} rows of train have the label {next(iter(labels)):g}: there is nothing to learn; "
                "add rows with other numbers, or use `stratified`"
            )


def bins(values: Sequence[float], reference: Sequence[float], smallest_share: float) -> list[str]:
    """The bin of each value, its range, from about ten ordered bins with equally many of the reference values.

    Equal values share a bin, so there may be fewer and larger bins. Few values get fewer bins too: each bin should hold
    at least one row of the smallest share.

    Args:
        reference: the values to divide.
        smallest_share: the smallest part that a split gets, 0..1.
    """
    ordered = sorted(reference) or [0.0]
    count = max(1, min(BINS, int(len(ordered) * smallest_share + 1e-9)))
    # A bin begins with one of the values itself: a rounding between two of them cannot move a row.
    starts = sorted({ordered[len(ordered) * place // count] for place in range(1, count)} - {ordered[0]})
    ends = [ordered[0], *starts, ordered[-1]]
    names = [f"bin {place:02d}: {ends[place - 1]:.6g} to {ends[place]:.6g}" for place in range(1, len(ends))]
    return [names[bisect_right(starts, value)] for value in values]
