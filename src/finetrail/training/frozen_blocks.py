"""Find the frozen blocks at the input of a backbone that can be computed once for all epochs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from finetrail.inference.device import lay_out
from finetrail.inference.feeding import feed
from finetrail.models.byte_store import Packed
from finetrail.models.inputs import Inputs
from finetrail.models.layers import backbone_parts
from finetrail.models.network import Batch, Network, for_model
from finetrail.training.block_outputs import BlockOutputs, Form
from finetrail.training.left_out import FrozenBlocks, first, reach

PROBED = 8
"""Examples to test whether the frozen blocks can be skipped."""


def find_frozen_blocks(model: Network, inputs: Inputs) -> FrozenBlocks | None:
    """The frozen blocks that can be computed once without changing the training.

    This tests that nothing before or in them trains, that they give the same output in training mode as in evaluation
    mode, and that a forward pass from their output gives the same answers, bit for bit.

    Args:
        model: with its frozen parts already frozen, in the autocast that it will train in.
        inputs: the training split.

    Returns:
        None if there is no such block, if the inputs vary, or if the model writes: what it reads of its own answers is
        not known beforehand.
    """
    others, blocks = _frozen(model.backbone)
    if not blocks or inputs.varies or not len(inputs) or not model.divisible:
        return None
    lay_out(model)
    device = next(model.parameters()).device
    lengths = inputs.lengths[:PROBED]
    batch = for_model(next(feed(inputs, [(range(len(lengths)), None)], device)))
    with _as_it_was(model):
        outputs = [reach(model.train(mode).backbone, blocks[-1], batch) for mode in (True, True, False)]
        form = _form(outputs, batch, lengths)
        expected, returned = _whole(model, blocks, batch)
        if form is None or returned is None:
            return None
        kept = Packed(form.split(first(outputs[-1]).detach(), lengths))
        for skipped, example in _ways(batch, others, form):
            found = FrozenBlocks(model, blocks, skipped, returned, form, example)
            small = BlockOutputs(kept, range(len(lengths)), form, inputs, example)
            if _same_answers(found, for_model(next(feed(small, [(range(len(lengths)), None)], device))), expected):
                return found
    return None


def _frozen(backbone: nn.Module) -> tuple[list[nn.Module], list[nn.Module]]:
    """The other modules before the last frozen block, and the frozen blocks, both from the input on."""
    others: list[nn.Module] = []
    blocks: list[nn.Module] = []
    waiting: list[nn.Module] = []
    for part in backbone_parts(backbone):
        if any(parameter.requires_grad for parameter in part.parameters):
            break
        if part.module is None:
            continue
        if part.is_block:
            others += waiting
            waiting.clear()
            blocks.append(part.module)
        else:
            waiting.append(part.module)
    return others, blocks


def _ways(batch: Batch, others: list[nn.Module], form: Form) -> list[tuple[list[nn.Module], Batch | None]]:
    """What to try to leave out, the most first: modules beside the blocks, and the content of the inputs."""
    if form.ragged:  # the inputs tell where a text ends
        return [([], None)]
    sizes = {name: [1] * (tensor.ndim - 1) for name, tensor in batch.items()}
    least = {name: tensor.new_zeros((1, *sizes[name])).cpu() for name, tensor in batch.items()}
    empty = {name: tensor.new_zeros((1, *tensor.shape[1:])).cpu() for name, tensor in batch.items()}
    return [(others, least), ([], empty), ([], None)]


def _form(outputs: list[Any], batch: Batch, lengths: list[int]) -> Form | None:
    """The form of the outputs of three passes, two of them in training mode; None if they cannot be kept."""
    one, *others = [first(output) for output in outputs]
    if not isinstance(one, Tensor) or one.requires_grad or not one.is_floating_point():
        return None  # something before the block trains
    if any(other.requires_grad or not torch.equal(one, other) for other in others):
        return None  # dropout, or a norm that uses batch statistics
    if one.ndim < 2 or one.shape[0] != len(lengths):
        return None
    mask = batch.get("attention_mask")
    if mask is None:
        beside = one.ndim == 4 and one.is_contiguous(memory_format=torch.channels_last)
        return Form(one.dtype, tuple(one.shape[1:]), ragged=False, channels_last=beside)
    tokens = torch.arange(mask.shape[1], device=mask.device) < torch.tensor(lengths, device=mask.device).unsqueeze(1)
    if one.ndim != 3 or one.shape[:2] != mask.shape or not torch.equal(mask.bool(), tokens):
        return None
    return Form(one.dtype, (one.shape[2],), ragged=True, channels_last=False)


def _whole(model: Network, blocks: Sequence[nn.Module], batch: Batch) -> tuple[Tensor, list[int] | None]:
    """The outputs of a full pass, and how many values each block returned; None if blocks do not run once in order."""
    seen: list[tuple[nn.Module, int]] = []

    def watch(module: nn.Module, given: Any, output: Any) -> None:
        seen.append((module, len(output) if isinstance(output, tuple) else 0))

    hooks = [block.register_forward_hook(watch) for block in blocks]
    try:
        with torch.no_grad():
            outputs: Tensor = model.eval()(batch)
    finally:
        for hook in hooks:
            hook.remove()
    once = [module for module, _ in seen] == list(blocks)
    return outputs, [count for _, count in seen] if once else None


def _same_answers(frozen: FrozenBlocks, batch: Batch, expected: Tensor) -> bool:
    try:
        with frozen.left_out(), torch.no_grad():
            found = frozen.model.eval()(batch)
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError, AttributeError):
        return False  # this network is wired differently
    return torch.equal(found, expected)


@contextmanager
def _as_it_was(model: nn.Module) -> Iterator[None]:
    """Restore modes, running statistics and random numbers afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    with torch.random.fork_rng():
        yield
    with torch.no_grad():
        for buffer, before in buffers:
            buffer.copy_(before)
    for module, mode in modes:
        module.training = mode
