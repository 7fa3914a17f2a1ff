"""Labels that are numbers: how one is read, and how they are divided into bins that a split can keep in proportion."""

import math
import re
from bisect import bisect_right
from collections.abc import Sequence

from finetrail.errors import DataError

BINS = 10
# As tables, JSON and Python write a number. `float` takes more: 1_000, nan, infinity, and digits of other scripts.
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")


def to_number(label: object) -> float | None:
    """The finite number that a label is, or None."""
    if not isinstance(label, str) or not _NUMBER.fullmatch(label):
        return None
    value = float(label)
    return value + 0.0 if math.isfinite(value) else None  # -0 is 0


def to_numbers(labels: Sequence[str]) -> list[float]:
    """The numbers that labels are. Raises: DataError: one is none."""
    found = [to_number(label) for label in labels]
    wrong = [label for label, value in zip(labels, found, strict=True) if value is None]
    if wrong:
        raise DataError(
            f"{len(wrong)} of {len(found)} labels are no finite numbers (first: {wrong[0]!r}); "
            "let `validate` quarantine them, or correct the source"
        )
    return [value for value in found if value is not None]


def bins(values: Sequence[float], reference: Sequence[float], smallest_share: float) -> list[str]:
    """The bin of each value, of about ten that each hold as many of the reference values: its range, in order.

    Equal values are in one bin, so that bins may be fewer and larger than asked for. Of few values there are fewer bins
    too: each is to hold at least one row of the smallest share.

    Args:
        reference: the values that are to be divided.
        smallest_share: of those that a split is to get, 0..1.
    """
    ordered = sorted(reference) or [0.0]
    count = max(1, min(BINS, int(len(ordered) * smallest_share + 1e-9)))
    # A bin begins with one of the values itself: a rounding between two of them cannot move a row.
    starts = sorted({ordered[len(ordered) * place // count] for place in range(1, count)} - {ordered[0]})
    ends = [ordered[0], *starts, ordered[-1]]
    names = [f"bin {place:02d}: {ends[place - 1]:.6g} to {ends[place]:.6g}" for place in range(1, len(ends))]
    return [names[bisect_right(starts, value)] for value in values]
