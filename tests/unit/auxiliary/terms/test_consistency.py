"""Rows without labels that a model is sure of serve as their own labels; the others teach nothing."""

from typing import Any

import pytest
import torch

from finetrail.auxiliary.consistency import Consistency, consistency
from tests.unit.auxiliary.terms.test_terms import Made

SURE, UNSURE = [4.0, 0.0, 0.0], [0.3, 0.2, 0.1]


def _read(outputs: Any, plain: Any) -> Made:
    made = torch.tensor(outputs, requires_grad=True)
    return Made(made, made, torch.tensor(plain))


def test_it_is_the_cross_entropy_of_sure_rows_over_all_rows() -> None:
    read = _read([[0.0, 1.0, 0.0], [5.0, 0.0, 0.0]], [SURE, UNSURE])
    loss = consistency(read, 0.9)
    assert loss.item() == pytest.approx(torch.tensor(2 + torch.e).log().item() / 2)
    (gradient,) = torch.autograd.grad(loss, read.outputs)
    assert gradient[0].abs().sum() > 0
    assert gradient[1].abs().sum() == 0
    assert consistency(_read([[0.0, 1.0, 0.0]], [UNSURE]), 0.9) == 0


def test_a_term_reads_the_threshold() -> None:
    read = _read([[0.0, 1.0, 0.0]], [UNSURE])
    for threshold, more in ((0.3, True), (0.4, False)):
        term = Consistency(method="consistency", rows="more", threshold=threshold).term(3, 3)
        assert (term(read, read).item() > 0) == more
