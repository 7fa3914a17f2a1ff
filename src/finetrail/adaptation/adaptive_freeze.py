"""`adaptive_freeze`: layers stop training when their gradients stop changing (AutoFreeze, Liu et al. 2021)."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from finetrail.adaptation.callback import Callback
from finetrail.adaptation.method import Method

if TYPE_CHECKING:
    from torch import Tensor, nn

    from finetrail.models.network import Network


class AdaptiveFreeze(Method):
    """Train everything, then less and less: what is frozen costs no backward pass.

    Gradients are summed from one test to the next. A test compares the norm of each layer's sum with that of the test
    before. Layers freeze from the input on, as long as the change of each is among the smallest.

    Attributes:
        tests: how many, evenly spread over the training. The first only measures.
        percentile: a change up to this percentile of the changes of all layers that still train lets a layer freeze.
        keep: layers that never freeze, from the top.
        thaw: train all layers again in the last share of the training; 0: never.
    """

    method: Literal["adaptive_freeze"]
    tests: int = Field(10, ge=2)
    percentile: float = Field(50.0, gt=0, le=100)
    keep: int = Field(1, ge=0)
    thaw: float = Field(0.0, ge=0, lt=1)

    shards: ClassVar[bool] = False
    depends_on_length: ClassVar[bool] = True

    def apply(self, model: "Network") -> None:
        """Make every parameter trainable, so that optimiser and checkpoints include all that trains at first."""
        model.requires_grad_(True)

    def callback(self, model: "Network", steps: int) -> Callback:
        """What tests and freezes."""
        return _Freezing(model, self, steps)


class _Freezing(Callback):
    """Sums the gradients of each layer, and freezes."""

    def __init__(self, model: "Network", settings: AdaptiveFreeze, steps: int) -> None:
        from finetrail.models.layers import backbone_layers

        self._model, self._settings = model, settings
        self._layers: list[list[nn.Parameter]] = backbone_layers(model.backbone)
        self._tests = {steps * number // settings.tests for number in range(1, settings.tests)} - {0}
        self._thaws = steps - int(settings.thaw * steps) if settings.thaw else None
        self._sums: dict[str, Tensor] = {}
        self._norms: list[float] = []
        self._frozen = 0

    def after_update(self, step: int) -> None:
        """Add the gradients of this step; test, and thaw, when it is time."""
        if self._thaws is not None and step >= self._thaws:
            self._freeze(0)
            return
        for number, layer in enumerate(self._layers[self._frozen :], start=self._frozen):
            for place, parameter in enumerate(layer):
                if parameter.grad is not None:
                    name = f"{number}.{place}"
                    known = self._sums.get(name)
                    gradient = parameter.grad.detach().float()
                    self._sums[name] = gradient.clone() if known is None else known + gradient
        if step in self._tests:
            self._test()

    def tensors(self) -> "dict[str, Tensor]":
        """The sums since the last test."""
        return dict(self._sums)

    def state(self) -> dict[str, Any]:
        """What the last test found, and how many layers are frozen."""
        return {"norms": self._norms, "frozen": self._frozen}

    def restore(self, tensors: "dict[str, Tensor]", state: dict[str, Any]) -> None:
        """Continue from what `tensors` and `state` returned."""
        device = next(self._model.parameters()).device
        self._sums = {name: one.to(device) for name, one in tensors.items()}
        self._norms = state["norms"]
        self._freeze(state["frozen"])

    def _test(self) -> None:
        import numpy as np
        import torch

        norms = []
        for number, layer in enumerate(self._layers):
            sums = [self._sums[name] for place in range(len(layer)) if (name := f"{number}.{place}") in self._sums]
            norms.append(float(torch.stack([one.norm() for one in sums]).norm()) if sums else 0.0)
        before, self._norms = self._norms, norms
        self._sums.clear()
        if not before:
            return
        training = range(self._frozen, len(self._layers))
        changes = [abs(before[at] - norms[at]) / before[at] if before[at] else 0.0 for at in training]
        limit = np.percentile(changes, self._settings.percentile) if changes else 0.0
        frozen = self._frozen
        while frozen < len(self._layers) - self._settings.keep and changes[frozen - self._frozen] <= limit:
            frozen += 1
        self._freeze(frozen)

    def _freeze(self, count: int) -> None:
        """Freeze so many layers at the input, and no others."""
        if count == self._frozen:
            return
        self._frozen = count
        for number, layer in enumerate(self._layers):
            for parameter in layer:
                parameter.requires_grad_(number >= count)
        self._model.train()  # frozen parts rest in evaluation mode
