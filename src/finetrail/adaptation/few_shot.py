"""`few_shot`: pairs of examples teach the backbone, a probe names the classes (SetFit, Tunstall et al. 2022)."""

from typing import TYPE_CHECKING, ClassVar, Literal, cast

from pydantic import Field

from finetrail.adaptation.method import Method
from finetrail.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

    from finetrail.models.contrast import Probe
    from finetrail.models.network import Batch, Network
    from finetrail.targets.learning import Loss


class FewShot(Method):
    """Few labelled rows make many pairs: the backbone learns which rows belong together, the head which class they are.

    All pairs of a batch count, by the supervised contrastive loss (Khosla et al. 2020). The head learns in the same
    steps by the loss of the task, whose gradient ends at the features.

    Attributes:
        temperature: of the contrastive loss; the lower, the more the most similar rows of other classes matter.
    """

    method: Literal["few_shot"]
    temperature: float = Field(0.1, gt=0)

    needs: ClassVar[frozenset[str]] = frozenset({"one class a row"})
    shards: ClassVar[bool] = False
    divides: ClassVar[bool] = False  # a process would see the pairs of its own share alone

    def apply(self, model: "Network") -> None:
        """Make every parameter trainable, and the head a probe."""
        from torch import nn

        from finetrail.models.contrast import Probe

        model.requires_grad_(True)
        model.head = Probe(cast(nn.Linear, model.head))

    def loss(self, model: "Network", own: "Loss") -> "Loss":
        """The contrastive loss of the features, and that of the task for the head."""
        from finetrail.models.contrast import supervised_contrast

        probe = cast("Probe", model.head)

        def both(found: "Tensor", batch: "Batch") -> "Tensor":
            if "targets_of_partner" in batch:
                raise ConfigError(
                    "adaptation.method few_shot compares rows of one class, but train.augment mixes classes; remove "
                    "mixup and cutmix, or use another method"
                )
            outputs, features = probe.apart(found)
            return own(outputs, batch) + supervised_contrast(features, batch["targets"], self.temperature)

        return both

    def merge(self, model: "Network") -> None:
        """Put the head back."""
        model.head = cast("Probe", model.head).head
