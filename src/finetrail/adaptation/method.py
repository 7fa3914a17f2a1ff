"""The base of every method of adaptation: section `adaptation` of a candidate."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from finetrail.adaptation.callback import Callback
from finetrail.settings import Settings

if TYPE_CHECKING:
    from finetrail.models.network import Network


class Method(Settings):
    """How a pretrained network becomes one for the task at hand.

    Attributes:
        needs: what it needs of a backbone besides its weights; see `finetrail.contents.content.Content.offers`.
        shards: whether it can train with `train.fsdp`.
        depends_on_length: whether its steps so far would differ if the training were set to be longer or shorter.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    shards: ClassVar[bool] = True
    depends_on_length: ClassVar[bool] = False

    @abstractmethod
    def apply(self, model: "Network") -> None:
        """Unfreeze what this method trains and freeze the rest. Raises: ConfigError: not for this backbone."""

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
