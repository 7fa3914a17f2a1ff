"""Compute the frozen part once instead of in every epoch: from the input up to the first part that trains."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from finetrail.inference.device import Precision, autocast
from finetrail.inference.features import compute_features
from finetrail.models.inputs import Inputs
from finetrail.models.network import Network
from finetrail.models.weights import hash_tensors
from finetrail.progress import Track, quiet
from finetrail.training.drawn import Drawn
from finetrail.training.frozen_blocks import find_frozen_blocks
from finetrail.training.settings import Training

Splits = dict[str, Inputs]


KEPT = 2
"""Frozen backbones whose features are remembered: mostly one, in the precision of training and in that of serving."""


class Remembered:
    """The features of a frozen backbone, from one training to the next, as long as the backbone is the same."""

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[Inputs, Inputs]]] = {}

    def features(
        self, model: Network, precision: Precision, inputs: Inputs, compute: Callable[[Inputs], Inputs]
    ) -> Inputs:
        """The features of inputs. Of drawn ones, those of all are computed, so that the next draw has them too."""
        if isinstance(inputs, Drawn):
            return Drawn(self.features(model, precision, inputs.whole, compute), inputs.places)
        key = f"{precision} {hash_tensors(model.backbone.state_dict())}"
        known = self._known.pop(key, [])
        while len(self._known) >= KEPT:
            del self._known[next(iter(self._known))]
        self._known[key] = known
        for one, found in known:
            if one is inputs:
                return found
        known.append((inputs, compute(inputs)))
        return known[-1][1]


def is_frozen(model: Network) -> bool:
    """Whether no parameter of the backbone trains."""
    return not any(parameter.requires_grad for parameter in model.backbone.parameters())


@contextmanager
def computed_once(
    model: Network,
    inputs: Splits,
    settings: Training,
    precision: Precision,
    *,
    scratch: Path,
    track: Track = quiet,
    remembered: Remembered | None = None,
) -> Iterator[Splits]:
    """Within this context, train on inputs that hold the outputs of the frozen part; the model continues from them.

    Args:
        model: on its device, with its frozen parts already frozen.
        inputs: by split; `train` decides whether anything can be computed once.
        scratch: a folder for outputs that do not fit into memory.
        remembered: the features that earlier trainings on the same inputs have computed.
    """
    size, device = settings.batch_size * 2, next(model.parameters()).device
    # Single layers cannot be skipped in a model that torch.compile or FSDP wraps.
    divisible = not settings.compile and not settings.fsdp
    with ExitStack() as stack:
        with autocast(precision, device):
            if inputs["train"].varies:
                fed = inputs
            elif is_frozen(model):
                compute = partial(compute_features, model, batch_size=size, track=track, scratch=scratch)
                fed = {
                    name: remembered.features(model, precision, one, compute) if remembered else compute(one)
                    for name, one in inputs.items()
                }
            elif divisible and (blocks := find_frozen_blocks(model, inputs["train"])) is not None:
                fed = {name: blocks.compute(inputs[name], size, track, scratch) for name in inputs}
                stack.enter_context(blocks.left_out())
            else:
                fed = inputs
        yield fed
