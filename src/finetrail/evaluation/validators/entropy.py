"""`entropy`: how sure the model is."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from finetrail.evaluation.validators.validator import Validator

if TYPE_CHECKING:
    from finetrail.evaluation.scores.bootstrap import Floats, Ints


class Entropy(Validator):
    """1 - the mean entropy of the answers, in parts of the largest one possible."""

    method: Literal["entropy"]
    title: ClassVar[str] = "certainty (1 - mean entropy)"
    fooled: ClassVar[str] = "by a model that is sure and wrong, such as one that answers one class to all rows"

    def facts(self, labels: Sequence[Any], answers: Any) -> "Floats":
        """1 - the entropy of each row."""
        import numpy as np

        found: Floats = 1 - entropies(answers)[:, None] / np.log(answers.shape[1])
        return found

    def scores(self, facts: "Floats", drawn: "Ints") -> "Mapping[str, Floats]":
        """The mean."""
        return {self.method: drawn @ facts[:, 0] / drawn.sum(axis=1)}


def entropies(shares: "Floats") -> "Floats":
    """The entropy of each row of shares (n, K) in nats (n,)."""
    import numpy as np

    found: Floats = -np.where(shares > 0, shares * np.log(np.where(shares > 0, shares, 1)), 0).sum(axis=1)
    return found
