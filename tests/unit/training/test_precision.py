"""Which precision `auto` means."""

import json
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from finetrail.inference.device import Precision, native_bf16
from finetrail.models.network import Network
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.training.precision import choose_precision, lost_in_fp32

MEASURED = pytest.mark.skipif(
    not native_bf16() or torch.cuda.is_available(), reason="measured only on a CPU that multiplies in bf16"
)


class Small(nn.Module):
    """A convolution with running statistics and dropout, on `pixels` (B, 3, S, S)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1))

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        features: Tensor = self.layers(batch["pixels"].float()).flatten(1)
        return features


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINETRAIL_CACHE", str(tmp_path))
    return tmp_path / "measured"


def precisions(cache: Path) -> list[dict[str, str]]:
    found = [json.loads(path.read_text()) for path in sorted(cache.glob("*"))]
    return [measured for measured in found if measured["ways"] == ["fp32", "bf16"]]


@pytest.mark.parametrize("wanted", ["fp32", "bf16"])
def test_a_wish_is_granted_unmeasured(wanted: Literal["fp32", "bf16"], cache: Path) -> None:
    assert choose_precision(wanted, Network(Small(), nn.Linear(8, 2)), {"pixels": torch.zeros(2, 3, 8, 8)}) == wanted
    assert not cache.exists()


def test_for_texts_the_hardware_decides(cache: Path) -> None:
    batch = {"input_ids": torch.zeros(2, 5, dtype=torch.long), "targets": torch.zeros(2, 3, 8, 8)}
    assert choose_precision("auto", Network(Small(), nn.Linear(8, 2)), batch) == ("bf16" if native_bf16() else "fp32")
    assert not cache.exists()


class Rounded(nn.Module):
    """Features that lie on a large mean: bfloat16 has too few digits to tell them apart."""

    def __init__(self, mean: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64, affine=False))
        nn.init.constant_(self.layers[0].get_parameter("bias"), mean)

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        features: Tensor = self.layers(batch["pixels"].float() / 255).mean((2, 3))
        return features


@MEASURED
@pytest.mark.parametrize(("mean", "chosen"), [(0.0, "bf16"), (100.0, "fp32")])
def test_where_bf16_changes_the_features_fp32_is_used_although_it_is_slower(
    mean: float, chosen: str, cache: Path
) -> None:
    torch.manual_seed(0)
    model = Network(Rounded(mean), nn.Linear(64, 2))
    batch = {"pixels": torch.randint(0, 256, (16, 3, 16, 16), dtype=torch.uint8)}
    choose_precision("auto", model, batch)
    (path,) = [path for path in cache.glob("*") if '"ways": [\n  "fp32"' in path.read_text()]
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chosen": "bf16"}))  # as on a machine where it is faster
    assert choose_precision("auto", model, batch) == chosen


@MEASURED
def test_for_images_a_measurement_decides_that_leaves_no_trace_but_its_result(cache: Path) -> None:
    torch.manual_seed(0)
    backbone = Small()
    backbone.layers[0].requires_grad_(False)
    model = Network(backbone, nn.Linear(8, 2)).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    batch = {"pixels": torch.randint(0, 256, (40, 3, 8, 8), dtype=torch.uint8)}
    state = torch.get_rng_state()
    chosen = choose_precision("auto", model, batch)
    assert [measured["chosen"] for measured in precisions(cache)] == [chosen]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert choose_precision("auto", model, batch) == chosen
    assert len(precisions(cache)) == 1
    choose_precision("auto", model, {"pixels": batch["pixels"][:20]})
    assert len(precisions(cache)) == 2
    model.requires_grad_(True)
    choose_precision("auto", model, batch)
    assert len(precisions(cache)) == 3


@pytest.mark.parametrize(
    ("precision", "best", "finished", "told"),
    [
        ("bf16", 0.961, 0.914, True),
        ("bf16", 0.961, 0.955, False),
        ("bf16", 0.914, 0.961, False),
        ("fp32", 0.961, 0.914, False),
    ],
)
def test_a_model_that_is_served_worse_than_it_was_trained_is_told(
    precision: Precision, best: float, finished: float, told: bool
) -> None:
    accuracy, rmse = CLASSES.metrics[0], next(one for one in NUMBERS.metrics if one.lower)
    assert bool(lost_in_fp32(precision, accuracy, best, finished)) == told
    assert bool(lost_in_fp32(precision, rmse, finished, best)) == told  # there lower is better
    if told:
        assert lost_in_fp32(precision, accuracy, best, finished) == (
            "validation accuracy was 0.961 in training, in bf16, but is 0.914 in fp32, in which the model is served: "
            "set train.precision to fp32"
        )
