"""What params.yaml may say about training, and what it is told when that makes no sense."""

from typing import Any

import pytest
from pydantic import ValidationError

from finetrail.training.settings import Training


@pytest.mark.parametrize(
    ("key", "value"),
    [("layer_decay", 0.0), ("layer_decay", 1.5), ("momentum", 1.0)],
)
def test_values_that_mean_nothing_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        Training(**{key: value})


@pytest.mark.parametrize(
    "given", [{"optimizer": "adamw"}, {"optimizer": "muon"}, {"optimizer": "sgd", "momentum": 0.0}]
)
def test_looking_ahead_without_momentum_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="set optimizer to sgd and momentum above 0"):
        Training(nesterov=True, **given)


def test_half_a_step_of_warm_up_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"warmup 10.5 is not a number of steps; use a whole number, or a share below 1"
    ):
        Training(warmup=10.5)
    assert [Training(warmup=warmup).warmup for warmup in (0.0, 0.5, 1.0, 100.0)] == [0, 0.5, 1, 100]


def test_one_cycle_without_a_way_up_is_refused() -> None:
    with pytest.raises(ValidationError, match="one_cycle goes up before it goes down; set warmup above 0"):
        Training(schedule="one_cycle", warmup=0.0)


def test_sharding_over_one_process_is_refused() -> None:
    with pytest.raises(ValidationError, match="fsdp shards over several processes; set processes above 1"):
        Training(fsdp=True)
    assert Training(fsdp=True, processes=2).fsdp


def test_a_sharded_adafactor_is_refused() -> None:
    with pytest.raises(ValidationError, match="adafactor cannot be sharded; set fsdp to false, or another optimizer"):
        Training(fsdp=True, processes=2, optimizer="adafactor")
    assert Training(processes=2, optimizer="adafactor").optimizer == "adafactor"
