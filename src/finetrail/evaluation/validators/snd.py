"""`snd`: how many rows have answers like each row's."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from finetrail.evaluation.validators.entropy import entropies
from finetrail.evaluation.validators.validator import Validator

if TYPE_CHECKING:
    from finetrail.evaluation.scores.bootstrap import Floats, Ints

TEMPERATURE = 0.05
"""Of the similarities, as in the paper."""
_BLOCK = 4_000_000
"""Similarities held at once."""


class Snd(Validator):
    """Soft neighbourhood density (Saito et al. 2021).

    The mean entropy of the similarities of each row to all others, in parts of the largest one possible. A resample
    draws rows with the neighbours that they have among all rows: a row drawn twice is no neighbour of itself.
    """

    method: Literal["snd"]
    title: ClassVar[str] = "soft neighbourhood density"
    fooled: ClassVar[str] = "by a model that answers the same to all rows, sure or not"

    def facts(self, labels: Sequence[Any], answers: Any) -> "Floats":
        """The entropy of the similarities of each row to the others; a row alone has none."""
        import numpy as np

        units = answers / np.linalg.norm(answers, axis=1, keepdims=True)
        found: Floats = np.zeros((len(units), 1))
        size = max(1, _BLOCK // len(units))
        if len(units) < 3:
            return found
        for start in range(0, len(units), size):
            similarities = units[start : start + size] @ units.T / TEMPERATURE
            own = np.arange(len(similarities))
            similarities[own, start + own] = -np.inf
            exponents = np.exp(similarities - similarities.max(axis=1, keepdims=True))
            found[start : start + size, 0] = entropies(exponents / exponents.sum(axis=1, keepdims=True))
        found /= np.log(len(units) - 1)
        return found

    def scores(self, facts: "Floats", drawn: "Ints") -> "Mapping[str, Floats]":
        """The mean."""
        return {self.method: drawn @ facts[:, 0] / drawn.sum(axis=1)}
