"""Gradients of bfloat16 convolutions, each by a fast kernel.

For some shapes oneDNN has no good bfloat16 kernel for the gradients. On AVX-512 without AMX the input gradient of a
strided depthwise convolution takes 40 to 300 times as long as in float32. In the kernel for the weights, threads wait
for each other in a busy loop: fine on an idle machine, but beside other work a layer of 6 ms can take 500. A handful of
such layers makes bfloat16 slower than float32. This module times the gradients of each shape once a machine; where
PyTorch's kernel is far slower, it computes them in another way, with at least the same precision.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from finetrail.training.measured import faster

Pair = tuple[int, int]

MARGIN = 2.0
"""Another kernel must be so many times as fast: what is merely a little slow stays as PyTorch has it."""
COLUMNS = 16 * 2**20
"""Bytes of unfolded images at a time: what still fits into a cache."""


class Shape(NamedTuple):
    """A convolution, apart from its tensors."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int


class How(NamedTuple):
    """What a convolution's gradients need besides its tensors."""

    shape: Shape
    choose: Callable[[dict[str, object], dict[str, Callable[[], Tensor]]], Tensor]


class FastConvolutions(TorchFunctionMode):
    """Within this context, CPU convolutions under bfloat16 autocast compute their gradients as described above."""

    def __init__(self) -> None:
        super().__init__()
        self._chosen: dict[tuple[Any, ...], str] = {}

    def state(self) -> list[list[Any]]:
        """The choices so far, as JSON, so that a resumed training makes the same ones."""
        return [[key, name] for key, name in self._chosen.items()]

    def load_state(self, state: list[list[Any]]) -> None:
        """Restore what `state` returned."""
        self._chosen = {_tuples(key): name for key, name in state}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.conv2d and torch.is_autocast_enabled("cpu") and torch.is_grad_enabled():
            return self._conv2d(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _conv2d(  # noqa: PLR0917  (as PyTorch's own)
        self,
        input: Tensor,  # noqa: A002
        weight: Tensor,
        bias: Tensor | None = None,
        stride: int | Pair = 1,
        padding: int | Pair | str = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
    ) -> Tensor:
        low = torch.get_autocast_dtype("cpu")
        if isinstance(padding, str) or input.dim() != 4 or not input.is_cpu or low != torch.bfloat16:
            return torch.conv2d(input, weight, bias, stride, padding, dilation, groups)
        shape = Shape(_pair(stride), _pair(padding), _pair(dilation), groups)
        convolved: Tensor = _Convolution.apply(
            input.to(low), weight.to(low), None if bias is None else bias.to(low), How(shape, self._choose)
        )
        return convolved

    def _choose(self, what: dict[str, object], ways: dict[str, Callable[[], Tensor]]) -> Tensor:
        """The result of the fastest way for `what`."""
        key = tuple(what.values())
        if key not in self._chosen:
            self._chosen[key] = faster(what, ways, MARGIN)
        return ways[self._chosen[key]]()


class _Convolution(torch.autograd.Function):
    """`torch.conv2d` on bfloat16 tensors, with gradients by chosen kernels."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor, weight: Tensor, bias: Tensor | None, how: How) -> Tensor:
        ctx.save_for_backward(pixels, weight)
        ctx.how = how
        return torch.conv2d(pixels, weight, bias, *how.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        pixels, weight = ctx.saved_tensors
        shape, choose = ctx.how
        described = {"pixels": tuple(pixels.shape), "weight": tuple(weight.shape), **shape._asdict()}

        def best(gradient_of: str, other: Callable[[], Tensor], name: str) -> Tensor:
            usual = partial(_gradient, gradient_of, gradient, pixels, weight, shape)
            chosen: Tensor = choose(described | {"gradient": gradient_of}, {"usual": usual, name: other})
            return chosen

        full = partial(_in_full, gradient=gradient, pixels=pixels, weight=weight, shape=shape)
        of_pixels = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_pixels = best("pixels", partial(full, "pixels"), "float32")
        if ctx.needs_input_grad[1]:
            of_weight = (
                best("weight", partial(weight_gradient, gradient, pixels, weight, shape), "product")
                if shape.groups == 1
                else best("weight", partial(full, "weight"), "float32")
            )
        if ctx.needs_input_grad[2]:
            of_bias = gradient.float().sum((0, 2, 3)).to(gradient.dtype)
        return of_pixels, of_weight, of_bias, None


def weight_gradient(
    gradient: Tensor, pixels: Tensor, weight: Tensor, shape: Shape, most_bytes: int = COLUMNS
) -> Tensor:
    """The gradient (O, C, h, w) of a convolution's weights as a product of matrices, summed in float32.

    Args:
        gradient: of the output, (B, O, H', W').
        pixels: the input (B, C, H, W).
        weight: (O, C, h, w); only its shape counts.
        shape: of a convolution with one group.
        most_bytes: the most bytes of unfolded images at a time.
    """
    count, channels = pixels.shape[:2]
    outputs, _, tall, wide = weight.shape
    high, broad = gradient.shape[2:]
    rows = gradient.permute(0, 2, 3, 1).reshape(count, high * broad, outputs)
    (down, right), (top, left), (far, apart) = shape.stride, shape.padding, shape.dilation
    padded = functional.pad(pixels.permute(0, 2, 3, 1), (0, 0, left, left, top, top)).contiguous()
    a, b, c, d = padded.stride()
    # The window of each output, as a view.
    windows = padded.as_strided(
        (count, high, broad, tall, wide, channels), (a, b * down, c * right, b * far, c * apart, d)
    )
    size = high * broad * tall * wide * channels * pixels.element_size()
    step = max(1, most_bytes // size)
    total = torch.zeros(outputs, tall * wide * channels)
    for at in range(0, count, step):
        columns = windows[at : at + step].reshape(-1, tall * wide * channels)
        total += torch.mm(rows[at : at + step].reshape(-1, outputs).t(), columns)
    return total.view(outputs, tall, wide, channels).permute(0, 3, 1, 2).to(weight.dtype)


def _gradient(of: str, gradient: Tensor, pixels: Tensor, weight: Tensor, shape: Shape) -> Tensor:
    """PyTorch's own gradient of `pixels` or `weight`."""
    mask = [of == "pixels", of == "weight", False]
    stride, padding, dilation, groups = shape
    results = torch.ops.aten.convolution_backward(
        gradient, pixels, weight, None, stride, padding, dilation, False, (0, 0), groups, mask
    )
    found: Tensor = results[mask.index(True)]
    return found


def _in_full(of: str, gradient: Tensor, pixels: Tensor, weight: Tensor, shape: Shape) -> Tensor:
    return _gradient(of, gradient.float(), pixels.float(), weight.float(), shape).to(weight.dtype)


def _tuples(value: Any) -> Any:
    """JSON has lists only."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])
