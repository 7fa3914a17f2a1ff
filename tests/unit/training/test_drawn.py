"""Some examples of a split are as a split of their own."""

from dataclasses import replace

import pytest
import torch

from finetrail.models.inputs import NO_CHANGES, Inputs
from finetrail.training.drawn import Drawn
from tests.unit.training.toys import LABELS, LEARNING, Points


@pytest.fixture
def whole() -> Points:
    x = torch.arange(40.0).reshape(10, 4)
    points = Points(x)
    return points.labelled(LEARNING.encode([LABELS[n % 3] for n in range(10)], points))


def test_they_are_the_rows_that_were_drawn(whole: Points) -> None:
    drawn = Drawn.of_rows(whole, [2, 5, 9])
    own = replace(whole, x=whole.x[[2, 5, 9]])
    own = own.labelled(LEARNING.encode([LABELS[n % 3] for n in (2, 5, 9)], own))
    assert len(drawn) == 3
    assert list(drawn.rows) == [2, 5, 9], "counted among all, so that errors name the right ones"
    assert drawn.lengths == [1, 1, 1]
    for indices in ([0], [2, 0], [0, 1, 2]):
        found, expected = drawn.batch(indices, seed=3), own.batch(indices, seed=3)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_their_targets_travel_with_what_is_computed_of_them(whole: Points) -> None:
    drawn: Inputs = Drawn.of_rows(whole, [1, 8])
    assert drawn.targets is not None
    assert whole.targets is not None
    assert len(drawn.targets) == 2
    found, expected = drawn.targets.batch([1], NO_CHANGES), whole.targets.batch([8], NO_CHANGES)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
