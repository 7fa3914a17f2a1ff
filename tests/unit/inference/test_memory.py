"""Too little memory: the forward pass takes less, and the result is the same. The limits are the system's own."""

from pathlib import Path
from typing import Any

import pytest
import torch

from finetrail.inference.memory import Kept, halved_when_full, out_of_memory
from finetrail.models.network import parts
from tests.unit.training import programs

pytestmark = pytest.mark.slow

# A model whose activations are large: 64 examples want 0.5 GB a layer, which the limit leaves no room for.
PROGRAM = """
import json, logging, resource, sys
from pathlib import Path
import torch
from torch import nn
from finetrail.errors import TrainingError
from finetrail.models.network import Network
from tests.unit.training.toys import train

class Wide(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(4, 8)
        self.width = width

    def forward(self, batch):
        features = torch.tanh(self.layer(batch["x"]))
        # (B, width, 8), and back
        return features.unsqueeze(1).expand(-1, self.width, -1).mul(1.0).mean(1)

logging.basicConfig(level=logging.WARNING, format="%(message)s")
torch.set_num_threads(1)
torch.manual_seed(3)
model = Network(Wide(int(sys.argv[2])), nn.Linear(8, 3))
# What is loaded on first use is loaded now, and so little is freed that nothing large fits into it.
train(Path(sys.argv[1]) / "small", rows=2, batch_size=2, epochs=1, model=Network(Wide(2), nn.Linear(8, 3)))
limit = int(sys.argv[3])
if limit:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + limit * 2**20,) * 2)
try:
    run = train(Path(sys.argv[1]), rows=64, batch_size=32, accumulate=2, epochs=2, model=model, clip=None)
    print(json.dumps([[point["loss"] for point in run.fitted.train_curve], run.weights["head.weight"].tolist()]))
except TrainingError as error:
    print(json.dumps(str(error)))
"""


def run(folder: Path, width: int, limit_mb: int) -> tuple[Any, str]:
    return programs.run("-c", PROGRAM, str(folder), str(width), str(limit_mb))


def test_a_batch_that_does_not_fit_goes_in_halves_with_the_same_result(tmp_path: Path) -> None:
    width = 250_000  # 8 MB an example: 256 MB a batch of 32, and as much for its gradient
    free, said = run(tmp_path / "free", width, 0)
    assert said == ""
    tight, said = run(tmp_path / "tight", width, 350)
    assert (
        "out of memory at step 1 with 32 examples per forward pass: 16 from here on; the global batch stays 64" in said
    )
    torch.testing.assert_close(torch.tensor(tight[0]), torch.tensor(free[0]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.tensor(tight[1]), torch.tensor(free[1]), rtol=1e-4, atol=1e-5)


def test_an_example_that_does_not_fit_alone_is_an_error_that_says_so(tmp_path: Path) -> None:
    message, _ = run(tmp_path, 3_000_000, 60)
    assert str(message).startswith(
        "step 1: memory is too small for 1 examples per forward pass; set train.gradient_check"
    )


def test_what_a_forward_pass_keeps_is_counted_once_and_without_the_weights() -> None:
    first, second = torch.nn.Linear(10, 100), torch.nn.Linear(100, 5)
    inputs = torch.randn(32, 10)
    kept = Kept([*first.parameters(), *second.parameters()])
    with kept:
        second(torch.tanh(first(inputs)))
    # The input, and the output of tanh, which both tanh and the second layer want.
    assert kept.size == 4 * 32 * (10 + 100)
    kept = Kept([])
    with kept, torch.no_grad():
        second(torch.tanh(first(inputs)))
    assert kept.size == 0


def test_the_system_tells_of_an_allocation_that_failed() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert out_of_memory(caught.value)
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_a_forward_pass_is_halved_until_it_fits() -> None:
    sizes: list[int] = []

    def forward(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        sizes.append(len(batch["x"]))
        if sizes[-1] > 3:
            raise MemoryError
        return batch["x"] * 2

    assert halved_when_full(forward, {"x": torch.arange(10)}).tolist() == list(range(0, 20, 2))
    assert sizes == [10, 5, 3, 2, 5, 3, 2]
    assert [len(part["x"]) for part in parts({"x": torch.arange(10)}, 4)] == [4, 4, 2]
    with pytest.raises(MemoryError):
        halved_when_full(lambda batch: forward({"x": torch.arange(9)}), {"x": torch.arange(2)})
