"""Seeds, precision and the accelerator."""

import random
from typing import Literal

import numpy as np
import pytest
import torch

from finetrail.training.device import autocast, build_accelerator, fix_seeds, native_bf16, peak_memory_mb


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


def test_an_accelerator_has_the_precision_that_is_asked_for_whatever_was_before() -> None:
    wanted: list[Literal["fp32", "bf16"]] = ["fp32", "bf16", "fp32"]
    assert [build_accelerator(precision).mixed_precision for precision in wanted] == ["no", "bf16", "no"]


def test_auto_is_bf16_where_the_hardware_has_it() -> None:
    assert build_accelerator("auto").mixed_precision == ("bf16" if native_bf16() else "no")


@pytest.mark.parametrize(("bf16", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_forward_pass_is_cast_only_when_asked_for(bf16: bool, expected: torch.dtype) -> None:
    layer = torch.nn.Linear(2, 2)
    with autocast(bf16, torch.device("cpu")):
        assert layer(torch.ones(1, 2)).dtype == expected


def test_peak_memory_is_in_megabytes() -> None:
    before = peak_memory_mb()
    assert 100 < before < 100_000  # torch alone takes more than 100
    block = np.ones(60 * 2**17)  # 60 MB
    assert peak_memory_mb() >= before
    assert torch.cuda.is_available() or peak_memory_mb() > 60 + 100
    del block
