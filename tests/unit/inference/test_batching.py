"""Batches hold every example once, are the same for the same seed, and waste little on padding."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.inference.batching import BATCHES_A_GROUP, grouped_batches, sorted_batches

LENGTHS = st.lists(st.integers(1, 512), max_size=700)
SIZES = st.integers(1, 16)


def padding_share(batches: list[list[int]], lengths: list[int]) -> float:
    padded = sum(len(batch) * max(lengths[index] for index in batch) for batch in batches)
    return 1 - sum(lengths) / padded


@given(LENGTHS, SIZES, st.integers(0, 2**32))
def test_every_example_is_in_one_batch_and_only_one_batch_is_smaller(lengths: list[int], size: int, seed: int) -> None:
    batches = grouped_batches(lengths, size, seed)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // size)
    assert sorted(map(len, batches), reverse=True) == [
        min(size, len(lengths) - start) for start in range(0, len(lengths), size)
    ]


@given(LENGTHS, SIZES, st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_batches(lengths: list[int], size: int, seed: int) -> None:
    assert grouped_batches(lengths, size, seed) == grouped_batches(list(lengths), size, seed)


def test_another_seed_gives_other_batches() -> None:
    lengths = [1] * 100
    assert grouped_batches(lengths, 10, 0) != grouped_batches(lengths, 10, 1)


@given(LENGTHS.filter(bool), SIZES)
def test_within_a_group_batches_do_not_overlap_in_length(lengths: list[int], size: int) -> None:
    lengths = lengths[: size * BATCHES_A_GROUP]  # one group
    spans = sorted(
        (min(lengths[index] for index in batch), max(lengths[index] for index in batch))
        for batch in grouped_batches(lengths, size, 0)
    )
    assert all(low[1] <= high[0] for low, high in itertools.pairwise(spans))


@pytest.mark.parametrize("seed", range(3))
def test_little_of_a_batch_is_padding(seed: int) -> None:
    generator = np.random.default_rng(seed)
    lengths = [int(length) for length in generator.lognormal(3.5, 0.8, size=4000).clip(1, 512)]
    order = [int(index) for index in generator.permutation(4000)]
    random = [order[start : start + 16] for start in range(0, 4000, 16)]
    assert padding_share(grouped_batches(lengths, 16, seed), lengths) < padding_share(random, lengths) / 4


def test_long_and_short_batches_come_in_random_order() -> None:
    lengths = list(range(1, 401))
    longest = [max(lengths[index] for index in batch) for batch in grouped_batches(lengths, 8, 0)]
    assert longest != sorted(longest)
    assert longest != sorted(longest, reverse=True)


@given(LENGTHS, SIZES)
def test_batches_for_inference_start_with_the_longest(lengths: list[int], size: int) -> None:
    batches = sorted_batches(lengths, size)
    order = [index for batch in batches for index in batch]
    assert sorted(order) == list(range(len(lengths)))
    assert [lengths[index] for index in order] == sorted(lengths, reverse=True)
    assert all(len(batch) == size for batch in batches[:-1])
