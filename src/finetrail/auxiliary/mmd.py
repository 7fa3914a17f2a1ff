"""`mmd`: labelled and unlabelled features get the same distribution, by kernels (Long et al. 2015)."""

from typing import TYPE_CHECKING, Any, Literal

from finetrail.auxiliary.auxiliary import Auxiliary, Read

if TYPE_CHECKING:
    from torch import Tensor


class Mmd(Auxiliary):
    """The squared maximum mean discrepancy of both (Gretton et al. 2012), by kernels of several widths."""

    method: Literal["mmd"]

    def term(self, width: int, outputs: int) -> Any:
        """The discrepancy: it has no weights."""
        return _mmd


def _mmd(labelled: Read, unlabelled: Read) -> "Tensor":
    from finetrail.auxiliary.terms.discrepancy import discrepancy

    return discrepancy(labelled.features, unlabelled.features)
