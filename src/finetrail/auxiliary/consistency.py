"""`consistency`: a row without a label is answered alike however it is changed (FixMatch, Sohn et al. 2020)."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from finetrail.auxiliary.auxiliary import Auxiliary, Read

if TYPE_CHECKING:
    from torch import Tensor


class Consistency(Auxiliary):
    """The cross-entropy of the answers to changed rows, where the answer to the row as it is serves as the label.

    Without `train.augment` only dropout changes a row: then these are pseudo-labels (Lee 2013).

    Attributes:
        threshold: rows count whose answer as they are has at least this probability.
    """

    method: Literal["consistency"]
    threshold: float = Field(0.95, ge=0, lt=1)

    needs: ClassVar[frozenset[str]] = frozenset({"one class a row"})
    reads_plain: ClassVar[bool] = True

    def term(self, width: int, outputs: int) -> Any:
        """The cross-entropy: it has no weights."""

        def loss(labelled: Read, unlabelled: Read) -> "Tensor":
            return consistency(unlabelled, self.threshold)

        return loss


def consistency(unlabelled: Read, threshold: float) -> "Tensor":
    """The mean over all rows (), those below the threshold being 0."""
    from torch.nn.functional import cross_entropy

    sure, label = unlabelled.plain.softmax(1).max(1)
    found: Tensor = (cross_entropy(unlabelled.outputs, label, reduction="none") * (sure >= threshold)).mean()
    return found
