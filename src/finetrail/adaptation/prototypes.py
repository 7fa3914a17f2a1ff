"""`prototypes`: a row belongs to the class whose mean is nearest (Snell et al. 2017)."""

from typing import TYPE_CHECKING, ClassVar, Literal, cast

from finetrail.adaptation.callback import Callback
from finetrail.adaptation.method import Method

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from finetrail.models.network import Network

SCALE = 10.0
"""The logit of a row of typical length at the mean of a class. Answers do not depend on it, what is trained does."""


class Prototypes(Method):
    """Start with a head that compares: its weights are the class means of the normalised features.

    The class with the largest output is that of the most similar mean, by cosine (imprinted weights, Qi et al. 2018).

    Attributes:
        then: what trains from there on, as the method of this name does; null: nothing.
    """

    method: Literal["prototypes"]
    then: Literal["linear_probe", "full"] | None = None

    needs: ClassVar[frozenset[str]] = frozenset({"one class a row"})
    shards: ClassVar[bool] = False

    def apply(self, model: "Network") -> None:
        """Freeze the backbone, unless it is to train."""
        model.backbone.requires_grad_(self.then == "full")

    def before_training(self, model: "Network", rows: "Callable[[], tuple[Tensor, Tensor]]") -> None:
        """Put the means of the classes into the head."""
        import torch
        from torch.nn.functional import normalize

        features, classes = rows()
        head = cast("nn.Linear", model.head)
        means = torch.zeros(head.weight.shape).index_add_(0, classes, normalize(features, dim=1))
        with torch.no_grad():
            head.weight.copy_(SCALE / features.norm(dim=1).mean() * normalize(means, dim=1))
            head.bias.zero_()

    def callback(self, model: "Network", steps: int) -> Callback:
        """What keeps the head, if nothing trains."""
        return Callback() if self.then else _Kept(cast("nn.Linear", model.head))


class _Kept(Callback):
    """Undoes each step of the head: optimisers decay weights even without a gradient."""

    def __init__(self, head: "nn.Linear") -> None:
        self._head = head
        self._before: list[Tensor] = []

    def on_gradient(self) -> None:
        """Note the weights."""
        self._before = [one.detach().clone() for one in self._head.parameters()]

    def after_update(self, step: int) -> None:
        """Put them back."""
        for one, before in zip(self._head.parameters(), self._before, strict=True):
            one.data.copy_(before)
