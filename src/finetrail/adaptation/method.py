"""The base of every method of adaptation: section `adaptation` of a candidate."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from finetrail.adaptation.callback import Callback
from finetrail.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from finetrail.models.network import Network
    from finetrail.targets.learning import Loss


class Method(Settings):
    """How a pretrained network becomes one for the task at hand.

    Attributes:
        needs: what it needs of a backbone besides its weights, and of labels; see
            `finetrail.contents.content.Content.offers` and `finetrail.targets.target.Target.offers`.
        shards: whether it can train with `train.fsdp`.
        divides: whether processes may share out a batch; if not, each computes all of it.
        depends_on_length: whether its steps so far would differ if the training were set to be longer or shorter.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    shards: ClassVar[bool] = True
    divides: ClassVar[bool] = True
    depends_on_length: ClassVar[bool] = False

    @abstractmethod
    def apply(self, model: "Network") -> None:
        """Unfreeze what this method trains and freeze the rest. Raises: ConfigError: not for this backbone."""

    @property
    def replaces_loss(self) -> bool:
        """Whether `loss` is not that of the task."""
        return type(self).loss is not Method.loss

    def loss(self, model: "Network", own: "Loss") -> "Loss":
        """What a training minimises. Args: model: adapted. own: the loss of the task."""
        return own

    def before_training(self, model: "Network", rows: "Callable[[], tuple[Tensor, Tensor]]") -> None:
        """Change the weights before the first step; not called where a training resumes.

        Args:
            rows: computes the features (N, ..., D) of all training examples, and returns them with their targets.
        """

    def start_epoch(self, model: "Network", epoch: int) -> None:
        """Change what trains, at the start of an epoch. Args: epoch: counted from 1."""

    def callback(self, model: "Network", steps: int) -> Callback:
        """What to call between the steps of one training. Args: model: that trains. steps: in all."""
        return Callback()

    @property
    def merges(self) -> bool:
        """Whether `merge` changes the network."""
        return type(self).merge is not Method.merge

    def merge(self, model: "Network") -> None:
        """Fold what was added into the weights, so that the saved model is a plain one."""
