"""What a mistake's nearest training rows say of it: is its label in doubt, or was nothing like it ever seen?"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.judge import Judge

NEIGHBOURS = 5
"""Training rows that are looked at."""
FAR = 5.0
"""Per cent: a row is unseen if at most so many validation rows lie as far from all training rows."""
NEAR = 25.0
"""Per cent: its neighbours are near if at least so many validation rows lie no nearer to a training row."""
Verdict = Literal["never seen", "label in doubt", "seen", "unclear"]
MEANINGS: dict[Verdict, str] = {
    "never seen": f"Nothing like it was in the training rows: at most {FAR:g}% of the validation rows lie as far from "
    "all of them. More rows like it may help.",
    "label in doubt": f"The {NEIGHBOURS} training rows most like it are near, and all have another label. Look at its "
    "label first.",
    "seen": f"Of the {NEIGHBOURS} training rows most like it some have its label, or labels cannot be "
    "compared: rows like it were there to learn from.",
    "unclear": f"None of the {NEIGHBOURS} training rows most like it has its label, but they are not near either.",
}
"""What each verdict says to a reader."""


def percentile(similarity: float, nearest: NDArray[np.floating[Any]]) -> float:
    """The per cent of validation rows whose nearest training row is no nearer than this one's."""
    return float(100 * (nearest <= similarity).mean())


def verdict(judge: Judge, label: Any, others: Sequence[Any], percent: float) -> Verdict:
    """What a mistake's neighbours say.

    Args:
        label: of the row; others: of its nearest training rows.
        percent: see `percentile`.
    """
    if percent <= FAR:
        return "never seen"
    alike = [judge.alike(label, other) for other in others]
    if None in alike or any(alike):
        return "seen"
    return "label in doubt" if percent >= NEAR else "unclear"
