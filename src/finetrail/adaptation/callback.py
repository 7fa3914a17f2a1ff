"""What a method of adaptation does between the optimiser's steps."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class Callback:
    """Called in every step of a training. This one, of most methods, does nothing and has no state."""

    def on_gradient(self) -> None:
        """The gradient of a step is complete, and not clipped yet: this may add to it."""

    def after_update(self, step: int) -> None:
        """The weights have changed, and their gradient is still there. Args: step: of the optimiser, from 1."""

    def tensors(self) -> "dict[str, Tensor]":
        """What a checkpoint must have, by name."""
        return {}

    def state(self) -> dict[str, Any]:
        """All JSON values that a checkpoint must have."""
        return {}

    def restore(self, tensors: "dict[str, Tensor]", state: dict[str, Any]) -> None:
        """Continue from what `tensors` and `state` returned."""
