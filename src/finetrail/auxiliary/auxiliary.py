"""The base of every auxiliary loss: section `auxiliary` of a candidate."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pydantic import Field

from finetrail.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor


class Read(Protocol):
    """What a model makes of examples.

    Attributes:
        features: (N, D).
        outputs: (N, K).
        plain: outputs for the same examples as they are, without augmentation and without gradients (N, K), where the
            method reads them.
    """

    @property
    def features(self) -> "Tensor": ...

    @property
    def outputs(self) -> "Tensor": ...

    @property
    def plain(self) -> "Tensor": ...


class Term(Protocol):
    """An auxiliary loss; the weights of one that is a module train with `learning_rate`, and the model lacks them."""

    def __call__(self, labelled: Read, unlabelled: Read) -> "Tensor":
        """The mean loss of a batch (). Args: labelled: of B examples. unlabelled: of as many."""
        ...


class Auxiliary(Settings):
    """What a model learns from rows without labels, beside what it learns from those with labels.

    Attributes:
        rows: a name in section `unlabelled`.
        weight: of this loss; the loss of the labels has 1.
        ramp: whether the weight rises from 0 as the training goes on (Ganin et al. 2016):
            `2 / (1 + exp(-10 * progress)) - 1`.
        batch_norm: whose statistics the BatchNorms of the saved model have: those of both kinds of rows, or of the
            unlabelled alone, as the domain in which it is to be used (AdaBN, Li et al. 2017).
        needs: what it needs of labels; see `finetrail.targets.target.Target.offers`.
        reads_plain: whether it reads the outputs for rows without labels as they are, beside those for changed ones.
    """

    rows: str
    weight: float = Field(1.0, gt=0)
    ramp: bool = True
    batch_norm: Literal["both", "unlabelled"] = "both"

    needs: ClassVar[frozenset[str]] = frozenset()
    reads_plain: ClassVar[bool] = False

    @abstractmethod
    def term(self, width: int, outputs: int) -> Any:
        """A new `Term`. Args: width: D, of the features. outputs: K."""
