"""Compute the frozen part once instead of in every epoch: from the input up to the first part that trains."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from finetrail.inference.device import Precision, autocast
from finetrail.inference.features import compute_features
from finetrail.models.inputs import Inputs
from finetrail.models.network import Network
from finetrail.progress import Track, quiet
from finetrail.training.frozen_blocks import find_frozen_blocks
from finetrail.training.settings import Training

Splits = dict[str, Inputs]


@contextmanager
def computed_once(
    model: Network, inputs: Splits, settings: Training, precision: Precision, *, scratch: Path, track: Track = quiet
) -> Iterator[Splits]:
    """Within this context, train on inputs that hold the outputs of the frozen part; the model continues from them.

    Args:
        model: on its device, with its frozen parts already frozen.
        inputs: by split; `train` decides whether anything can be computed once.
        scratch: a folder for outputs that do not fit into memory.
    """
    size, device = settings.batch_size * 2, next(model.parameters()).device
    # Single layers cannot be skipped in a model that torch.compile or FSDP wraps.
    divisible = not settings.compile and not settings.fsdp
    with ExitStack() as stack:
        with autocast(precision, device):
            if inputs["train"].varies:
                fed = inputs
            elif not any(parameter.requires_grad for parameter in model.backbone.parameters()):
                fed = {name: compute_features(model, inputs[name], size, track, scratch) for name in inputs}
            elif divisible and (blocks := find_frozen_blocks(model, inputs["train"])) is not None:
                fed = {name: blocks.compute(inputs[name], size, track, scratch) for name in inputs}
                stack.enter_context(blocks.left_out())
            else:
                fed = inputs
        yield fed
