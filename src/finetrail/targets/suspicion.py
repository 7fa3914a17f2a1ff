"""Which labels of rows are probably wrong, judged by answers of models that did not see the rows.

Confident learning: Northcutt, Jiang & Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels (JAIR 2021).
cleanlab implements it; each kind of target calls the part that is made for its labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats


@dataclass(frozen=True)
class Suspicion:
    """What answers say of the labels of n rows.

    Attributes:
        quality: (n,), 0 to 1: the lower, the more suspicious.
        flagged: (n,), whether a label counts as wrong; their number is the estimate of how many are.
        suggestions: the label that each row should probably have; None where the answer agrees with the label.
    """

    quality: Floats
    flagged: NDArray[np.bool_]
    suggestions: Sequence[Any]
