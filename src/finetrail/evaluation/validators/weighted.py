"""`weighted`: validation rows that count as much as the other domain has rows like them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from finetrail.evaluation.validators.validator import Validator

if TYPE_CHECKING:
    from finetrail.evaluation.scores.bootstrap import Floats, Ints


class Weighted(Validator):
    """The accuracy on validation rows by importance weights (Sugiyama et al. 2007).

    The control variate of DEV (You et al. 2019) keeps a few large weights from deciding.
    """

    method: Literal["weighted"]
    title: ClassVar[str] = "importance-weighted validation accuracy"
    fooled: ClassVar[str] = "where the other domain has rows unlike any with a label"
    weighs: ClassVar[bool] = True

    def facts(self, labels: Sequence[Any], answers: Any) -> "Floats":
        """The weight of each row and whether it is right."""
        found: Floats = answers
        return found

    def scores(self, facts: "Floats", drawn: "Ints") -> "Mapping[str, Floats]":
        """The mean of the weighted rows, less what the weights' own mean is off."""
        import numpy as np

        weights, weighted = facts[:, 0], facts[:, 0] * facts[:, 1]
        count = drawn.sum(axis=1)
        weight, value = drawn @ weights / count, drawn @ weighted / count
        variance = drawn @ weights**2 / count - weight**2
        covariance = drawn @ (weights * weighted) / count - weight * value
        varied = variance > 1e-12
        slope = np.where(varied, covariance / np.where(varied, variance, 1), 0)
        return {self.method: value - slope * (weight - 1)}
