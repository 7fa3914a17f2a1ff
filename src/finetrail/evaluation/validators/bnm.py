"""`bnm`: how sure the model is while it answers many classes."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from finetrail.evaluation.validators.validator import Validator

if TYPE_CHECKING:
    from finetrail.evaluation.scores.bootstrap import Floats, Ints

_BLOCK = 4_000_000
"""Numbers held at once."""


class Bnm(Validator):
    """The nuclear norm of the answers, in parts of the largest one possible (Cui et al. 2020).

    It is the largest where all answers are sure, and all classes equally frequent.
    """

    method: Literal["bnm"]
    title: ClassVar[str] = "nuclear norm of the answers"
    fooled: ClassVar[str] = "where some classes are rare"

    def facts(self, labels: Sequence[Any], answers: Any) -> "Floats":
        """The answers."""
        found: Floats = answers
        return found

    def scores(self, facts: "Floats", drawn: "Ints") -> "Mapping[str, Floats]":
        """The sum of the singular values, which are the roots of the eigenvalues of A^T A (K, K)."""
        import numpy as np

        rows, classes = facts.shape
        products = (facts[:, :, None] * facts[:, None]).reshape(rows, -1)
        norms, size = [], max(1, _BLOCK // classes**2)
        for start in range(0, len(drawn), size):
            grams = (drawn[start : start + size] @ products).reshape(-1, classes, classes)
            norms.append(np.sqrt(np.maximum(np.linalg.eigvalsh(grams), 0)).sum(axis=1))
        count = drawn.sum(axis=1)
        return {self.method: np.concatenate(norms) / np.sqrt(count * np.minimum(count, classes))}
