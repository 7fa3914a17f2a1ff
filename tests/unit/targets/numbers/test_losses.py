"""What a regression makes small: for plain batches and mixed ones."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from finetrail.targets.numbers.losses import distance

NUMBERS, WANTED = torch.tensor([0.1, -2.0, 0.7, 3.0]), torch.tensor([0.0, -1.0, 0.9, -1.5])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("mse", functional.mse_loss(NUMBERS, WANTED)),
        ("mae", functional.l1_loss(NUMBERS, WANTED)),
        ("huber", functional.huber_loss(NUMBERS, WANTED, delta=0.5)),
    ],
)
def test_the_losses_of_a_number_are_torch_s(kind: str, expected: Tensor) -> None:
    loss = distance(kind, huber_delta=0.5)
    torch.testing.assert_close(loss(NUMBERS[:, None], {"targets": WANTED}), expected)


def test_mixed_numbers_count_by_their_share() -> None:
    share = torch.tensor([1.0, 0.0, 0.25, 0.5])
    mixed = {"targets": WANTED, "targets_of_partner": WANTED.flip(0), "targets_share": share}
    found = distance()(NUMBERS[:, None], mixed)
    each = share * (NUMBERS - WANTED) ** 2 + (1 - share) * (NUMBERS - WANTED.flip(0)) ** 2
    torch.testing.assert_close(found, each.mean())
