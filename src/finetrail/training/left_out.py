"""Compute the frozen blocks at the input of a backbone once, and skip them afterwards."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from finetrail.inference.batching import sorted_batches
from finetrail.inference.device import lay_out
from finetrail.inference.feeding import feed
from finetrail.models.byte_store import Packed
from finetrail.models.inputs import Inputs
from finetrail.models.network import Batch, Network, for_model
from finetrail.progress import Track, quiet
from finetrail.training.block_outputs import BLOCK_OUTPUT, IN_MEMORY, BlockOutputs, Form


class _Reached(Exception):  # noqa: N818  (not an error: it leaves a forward pass early)
    """The last frozen block has given its output."""

    def __init__(self, output: Any) -> None:
        self.output = output


@dataclass(frozen=True)
class FrozenBlocks:
    """The frozen blocks at the input of a network.

    Attributes:
        blocks: in order; the output of the last one is kept.
        skipped: modules beside the blocks that need not run either.
        returned: the length of the tuple that each block returns; 0 for a single tensor.
        form: the form of the kept output.
        example: a batch, if the rest of the forward pass ignores the content of the inputs; else None.
    """

    model: Network
    blocks: Sequence[nn.Module]
    skipped: Sequence[nn.Module]
    returned: Sequence[int]
    form: Form
    example: Batch | None

    def compute(
        self,
        inputs: Inputs,
        batch_size: int,
        track: Track = quiet,
        scratch: Path | None = None,
        *,
        in_memory: int = IN_MEMORY,
    ) -> BlockOutputs:
        """Run the frozen blocks once over all inputs, on the model's device.

        Args:
            scratch: a folder for outputs that do not fit into memory; the system's own by default.
            in_memory: the most bytes to keep in memory; more go to a file.
        """
        lay_out(self.model)
        batches = sorted_batches(inputs.lengths, batch_size)
        places = [0] * len(inputs)
        for place, index in enumerate(index for indices in batches for index in indices):
            places[index] = place
        training = self.model.training
        self.model.eval()
        parts = self._outputs(inputs, batches, track)
        kept = Packed(parts, scratch, in_memory)
        self.model.train(training)
        return BlockOutputs(kept, places, self.form, inputs, self.example)

    def _outputs(self, inputs: Inputs, batches: Sequence[Sequence[int]], track: Track) -> Iterator[NDArray[np.uint8]]:
        device = next(self.model.parameters()).device
        lengths = inputs.lengths
        with torch.inference_mode():
            fed = feed(inputs, [(batch, None) for batch in batches], device)
            for indices in track(batches, total=len(batches), what="computing the frozen blocks"):
                output = first(reach(self.model.backbone, self.blocks[-1], for_model(next(fed))))
                yield from self.form.split(output, [lengths[index] for index in indices])

    @contextmanager
    def left_out(self) -> Iterator[None]:
        """Start the model after the last frozen block where a batch holds its output; otherwise run all of it.

        Names in `state_dict()` stay as they are.
        """
        given: list[Tensor] = []
        backbone = self.model.backbone
        whole = backbone.forward

        def forward(batch: Batch) -> Any:
            if BLOCK_OUTPUT not in batch:
                return whole(batch)
            given.append(batch[BLOCK_OUTPUT])
            try:
                return whole({name: tensor for name, tensor in batch.items() if name != BLOCK_OUTPUT})
            finally:
                given.clear()

        def passed_by(original: Callable[..., Any], values: int, is_last: bool) -> Callable[..., Any]:
            def forward(*args: Any, **kwargs: Any) -> Any:
                if not given:
                    return original(*args, **kwargs)
                output = given[0] if is_last else args[0] if args else next(iter(kwargs.values()))
                return (output, *[None] * (values - 1)) if values else output

            return forward

        with ExitStack() as stack:
            stack.enter_context(_overridden(backbone, forward))
            for module in self.skipped:
                stack.enter_context(_overridden(module, passed_by(module.forward, 0, False)))
            for block, values in zip(self.blocks, self.returned, strict=True):
                is_last = block is self.blocks[-1]
                stack.enter_context(_overridden(block, passed_by(block.forward, values, is_last)))
            yield


def reach(backbone: nn.Module, block: nn.Module, batch: Batch) -> Any:
    """The output of a block, without running what follows it; None if the block does not run."""

    def leave(module: nn.Module, given: Any, output: Any) -> None:
        raise _Reached(output)

    hook = block.register_forward_hook(leave)
    try:
        backbone(batch)
    except _Reached as reached:
        return reached.output
    finally:
        hook.remove()
    return None


def first(output: Any) -> Any:
    """The tensor that a block passes on, returned alone or in a tuple."""
    return output[0] if isinstance(output, tuple) and output else output


@contextmanager
def _overridden(module: Any, forward: Callable[..., Any]) -> Iterator[None]:
    """Replace the `forward` of one module, not of its class."""
    before = module.__dict__.get("forward")
    module.forward = forward
    try:
        yield
    finally:
        if before is None:
            del module.forward
        else:
            module.forward = before
