"""Nothing of a training reaches the next test."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def _own_randomness() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng():
        yield
    torch.use_deterministic_algorithms(before)
