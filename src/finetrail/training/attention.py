"""Attention by plain matrix products, where PyTorch's fused kernel is slow."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from finetrail.inference.device import Precision


@contextmanager
def training_attention(precision: Precision, device: torch.device) -> Iterator[None]:
    """The context of a forward *and* backward pass: `scaled_dot_product_attention` with the faster gradient.

    On a CPU in 16 bits, the fused kernel's backward pass takes about twice as long as the plain products, which need a
    few percent more memory. In float32, on a GPU and without a gradient this keeps the fused kernel.
    (The flag is named for CUDA but applies to all devices: without it these products would be in float32.)
    """
    if device.type != "cpu" or precision not in {"bf16", "fp16"}:
        yield
        return
    before = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()  # type: ignore[no-untyped-call]
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(before)
