"""Seeds, precision and the accelerator."""

import random

import numpy as np
import pytest
import torch

from finetrail.inference.device import (
    Precision,
    autocast,
    build_accelerator,
    fix_seeds,
    full_precision,
    peak_memory_mb,
)


def draws() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(1))]  # noqa: S311  (the global ones)


def test_the_same_seed_gives_the_same_numbers_of_all_three_generators() -> None:
    fix_seeds(3)
    first = draws()
    fix_seeds(3)
    assert draws() == first
    fix_seeds(4)
    assert all(one != other for one, other in zip(draws(), first, strict=True))
    assert torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("bf16", torch.bfloat16), ("fp16", torch.float16), ("fp32", torch.float32), ("tf32", torch.float32)],
)
def test_a_forward_pass_is_cast_only_when_asked_for(precision: Precision, expected: torch.dtype) -> None:
    layer = torch.nn.Linear(2, 2)
    with autocast(precision, torch.device("cpu")):
        assert layer(torch.ones(1, 2)).dtype == expected


def test_an_accelerator_alone_is_one_process() -> None:
    assert build_accelerator().num_processes == 1


def test_peak_memory_is_in_megabytes() -> None:
    before = peak_memory_mb()
    assert 100 < before < 100_000  # torch alone takes more than 100
    block = np.ones(60 * 2**17)  # 60 MB
    assert peak_memory_mb() >= before
    assert torch.cuda.is_available() or peak_memory_mb() > 60 + 100
    del block


def test_full_precision_rounds_no_input_and_leaves_the_settings_as_they_were() -> None:
    def settings() -> tuple[str, bool]:
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32

    before = settings()
    try:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        with full_precision():
            assert settings() == ("highest", False)
        assert settings() == ("high", True)
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
