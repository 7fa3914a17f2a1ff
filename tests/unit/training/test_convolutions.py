"""Gradients of bfloat16 convolutions: right in every way of computing them, and chosen by measurement."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from finetrail.training.convolutions import FastConvolutions, Shape, weight_gradient

PAIRS = st.tuples(st.integers(1, 2), st.integers(1, 2))


@settings(max_examples=40)
@given(
    st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.builds(Shape, PAIRS, st.tuples(st.integers(0, 2), st.integers(0, 2)), PAIRS, st.just(1)),
    st.sampled_from([1, 2**20]),
)
def test_the_weights_gradient_as_a_product_is_pytorchs(
    sizes: tuple[int, int, int], kernel: tuple[int, int], shape: Shape, most_bytes: int
) -> None:
    count, channels, outputs = sizes
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(count, channels, 9, 8, generator=generator)
    weight = torch.randn(outputs, channels, *kernel, generator=generator).requires_grad_()
    output = torch.conv2d(pixels, weight, None, *shape)
    gradient = torch.randn(output.shape, generator=generator)
    torch.autograd.backward(output, gradient)
    found = weight_gradient(gradient, pixels, weight, shape, most_bytes)
    assert weight.grad is not None
    torch.testing.assert_close(found, weight.grad, rtol=1e-4, atol=1e-4)


class Forced(FastConvolutions):
    """Always the last way, the one that is not PyTorch's own."""

    def _choose(self, what: dict[str, object], ways: dict[str, Callable[[], Tensor]]) -> Tensor:
        self.load_state([*self.state(), [tuple(what.values()), list(ways)[-1]]])
        return list(ways.values())[-1]()


def gradients(module: nn.Module, pixels: Tensor, context: Any, *, bf16: bool) -> list[Tensor]:
    module.zero_grad()
    own = pixels.clone().requires_grad_()
    with context, torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        output = module(own)
    output.float().square().sum().backward()
    assert own.grad is not None
    return [own.grad, *(parameter.grad for parameter in module.parameters() if parameter.grad is not None)]


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(8, 12, 3, padding=1, bias=False),
        nn.Conv2d(8, 12, 3, stride=2),
        nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8),
        nn.Conv2d(8, 16, (3, 1), padding=(1, 0), dilation=(2, 1), groups=4),
        nn.Conv2d(8, 4, 1),
        nn.Conv2d(8, 4, 3, padding="same"),
    ],
)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_gradients_are_those_of_float32_but_for_rounding(module: nn.Module, layout: torch.memory_format) -> None:
    pixels = torch.randn(5, 8, 7, 9, generator=torch.Generator().manual_seed(1)).contiguous(memory_format=layout)
    expected = gradients(module, pixels, FastConvolutions(), bf16=False)
    plain = gradients(module, pixels, torch.enable_grad(), bf16=True)
    forced = gradients(module, pixels, Forced(), bf16=True)
    assert len(expected) == len(plain) == len(forced)
    for exact, usual, other in zip(expected, plain, forced, strict=True):
        scale = exact.abs().max()
        assert other.dtype == exact.dtype
        assert (other - exact).abs().max() <= 0.02 * scale
        # Not worse than what it stands in for, but for chance.
        assert (other - exact).square().mean().sqrt() <= 1.5 * (usual - exact).square().mean().sqrt() + 1e-6 * scale


def test_frozen_weights_get_no_gradient_and_a_forward_pass_alone_is_left_alone() -> None:
    module = nn.Conv2d(4, 4, 3).requires_grad_(False)
    mode = Forced()
    found = gradients(module, torch.randn(2, 4, 6, 6), mode, bf16=True)
    assert len(found) == 1
    assert {key[-1] for key, _ in mode.state()} == {"pixels"}
    with mode, torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        output = module(torch.randn(2, 4, 6, 6))
    assert output.dtype == torch.bfloat16
    assert len(mode.state()) == 1


def test_each_shape_is_measured_once_and_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETRAIL_CACHE", str(tmp_path))
    module = nn.Conv2d(4, 4, 3)
    first, second = FastConvolutions(), FastConvolutions()
    for rows in (4, 4, 3):  # the last batch of an epoch is smaller, and may have other kernels
        gradients(module, torch.randn(rows, 4, 6, 6), first, bf16=True)
    known = sorted(path.name for path in (tmp_path / "measured").iterdir())
    assert len(known) == len(first.state()) == 4
    for rows in (4, 3):
        gradients(module, torch.randn(rows, 4, 6, 6), second, bf16=True)
    assert second.state() == first.state()
    assert sorted(path.name for path in (tmp_path / "measured").iterdir()) == known
