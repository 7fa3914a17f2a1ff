"""The kernel of attention in training."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.utils._python_dispatch import TorchDispatchMode

from finetrail.inference.device import Precision, autocast
from finetrail.training.attention import training_attention

CPU = torch.device("cpu")


class Names(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The operations that are dispatched: `seen` has the type of the first tensor of each, by name."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: dict[str, torch.dtype] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if args and isinstance(args[0], Tensor):
            self.seen[func.overloadpacket.__name__] = args[0].dtype
        return func(*args, **(kwargs or {}))


def attend(precision: Precision) -> tuple[Tensor, dict[str, torch.dtype]]:
    """The gradient of a small attention, the last key hidden, and the operations of both passes."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 4, 7, 8, generator=generator).requires_grad_() for _ in range(3))
    mask = torch.ones(2, 1, 7, 7, dtype=torch.bool)
    mask[..., -1] = False
    with Names() as names, training_attention(precision, CPU):
        with autocast(precision, CPU):
            output = scaled_dot_product_attention(query, key, value, mask)
        torch.autograd.backward(output.float().square().sum())
    assert query.grad is not None
    assert value.grad is not None
    assert not value.grad[:, :, -1].any()
    return query.grad, names.seen


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_in_16_bits_no_fused_kernel_computes_the_gradient(precision: Precision) -> None:
    gradient, names = attend(precision)
    assert not any("flash" in name for name in names)
    exact, _ = attend("fp32")
    assert torch.allclose(gradient, exact, atol=0.05)


def test_in_16_bits_the_products_are_too() -> None:
    _, names = attend("bf16")
    assert names["bmm"] == torch.bfloat16


def test_in_full_precision_the_kernel_stays() -> None:
    _, names = attend("fp32")
    assert any("flash" in name for name in names)


def test_afterwards_all_is_as_before() -> None:
    with pytest.raises(KeyError), training_attention("bf16", CPU):
        raise KeyError
    assert torch.backends.cuda.flash_sdp_enabled()  # type: ignore[no-untyped-call]
    allowed = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()  # type: ignore[no-untyped-call]
    assert not allowed
