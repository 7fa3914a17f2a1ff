"""Device, precision and determinism: what makes the same seed give the same bits."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from finetrail.inference import processes
from finetrail.inference.allocator import keep_freed_memory

if TYPE_CHECKING:
    from accelerate import Accelerator

Precision = Literal["fp32", "tf32", "bf16", "fp16"]


@dataclass(frozen=True)
class Machine:
    """Where a model trains. Attributes: accelerator: of `build_accelerator`; precision: of the forward passes."""

    accelerator: "Accelerator"
    precision: Precision


_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def fix_seeds(seed: int) -> None:
    """Seed python, numpy and torch, and have torch refuse operations whose result depends on timing."""
    from accelerate.utils import set_seed

    # cuBLAS reads this once, before its first product.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    set_seed(seed)
    # As `torch.use_deterministic_algorithms(True)`, without the two seconds for which that imports the compiler.
    torch.set_deterministic_debug_mode("error")
    # Otherwise torch would first fill each new tensor with NaN, in case something reads it before writing.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def seed_torch(seed: int) -> None:
    """Seed torch's random numbers, an accelerator's too.

    Without one `torch.manual_seed` notes a stack trace for the day when there is: as long as a step of a linear probe.
    """
    if torch.accelerator.is_available():
        torch.manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)


def native_bf16() -> bool:
    """Whether this hardware multiplies matrices in bfloat16; other hardware emulates it, which is slower."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_capability() >= (8, 0)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def build_accelerator(precision: Precision = "fp32") -> "Accelerator":
    """The `accelerate` object that places and wraps the model; a new one even if this process already had one.

    Args:
        precision: `tf32` lets a GPU round the inputs of its float32 products. `autocast` does the rest.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    processes.join()
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    else:
        keep_freed_memory()
    return Accelerator(cpu=not torch.cuda.is_available())


def autocast(precision: Precision, device: torch.device) -> Any:
    """The context of a forward pass."""
    return torch.autocast(device.type, dtype=_DTYPES[precision]) if precision in _DTYPES else nullcontext()


@contextmanager
def full_precision() -> Iterator[None]:
    """Within it no GPU rounds the inputs of float32 products. Convolutions do by default, whatever `Precision` says."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def lay_out(model: nn.Module) -> None:
    """Arrange a model in memory for speed; it computes the same.

    Convolution weights are channels last. Activations whose gradient needs their input do not work in place: they would
    have to copy the input first.
    """
    model.to(memory_format=torch.channels_last)
    for module in model.modules():
        if isinstance(module, nn.Hardtanh | nn.Hardswish | nn.SiLU):
            module.inplace = False


def peak_memory_mb() -> int:
    """The peak memory so far, in MB: of the GPU if there is one, else of this process."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated() / 2**20)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
