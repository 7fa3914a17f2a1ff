"""Batches on the way to the device."""

from itertools import islice

import torch
from hypothesis import given
from hypothesis import strategies as st

from finetrail.training.feeding import feed, seeds
from tests.unit.training.toys import Points


@given(st.integers(0, 2**63), st.integers(1, 1000))
def test_every_batch_of_every_epoch_has_a_seed_of_its_own(seed: int, epoch: int) -> None:
    here, next_epoch, next_seed = (
        list(islice(seeds(*of), 20)) for of in ((seed, epoch), (seed, epoch + 1), (seed + 1, epoch))
    )
    assert len({*here, *next_epoch, *next_seed}) == 60
    assert here == list(islice(seeds(seed, epoch), 20))


def test_batches_come_in_order_and_one_at_a_time() -> None:
    inputs = Points(torch.arange(12.0).reshape(6, 2))
    fed = feed(inputs, [[5, 0], [3]], torch.device("cpu"))
    assert next(fed)["x"].tolist() == [[10, 11], [0, 1]]
    assert [batch["x"].tolist() for batch in fed] == [[[6, 7]]]
