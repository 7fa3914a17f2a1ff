"""`coral`: labelled and unlabelled features get equal covariances (Deep CORAL, Sun & Saenko 2016)."""

from typing import TYPE_CHECKING, Any, Literal

from finetrail.auxiliary.auxiliary import Auxiliary, Read

if TYPE_CHECKING:
    from torch import Tensor


class Coral(Auxiliary):
    """The squared distance between the covariances of both, over 4 D^2."""

    method: Literal["coral"]

    def term(self, width: int, outputs: int) -> Any:
        """The distance: it has no weights."""
        return coral


def coral(labelled: Read, unlabelled: Read) -> "Tensor":
    """See `finetrail.auxiliary.auxiliary.Term`. A single example has no covariance: then it is 0."""
    one, other = labelled.features, unlabelled.features
    if len(one) < 2 or len(other) < 2:
        return one.sum() * 0.0
    distance: Tensor = (one.T.cov() - other.T.cov()).square().sum() / (4 * one.shape[1] ** 2)
    return distance
