"""The Hamming join finds what comparing every hash with every other finds."""

import random
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrail.data.near.hamming_join import COARSE, HammingJoin

Words = np.ndarray[tuple[int, ...], np.dtype[np.uint64]]


def bits_of(number: int) -> list[int]:
    return [number >> 64 * word & (1 << 64) - 1 for word in (0, 1, 2, 3)]


@st.composite
def hash_sets(draw: st.DrawFn) -> Words:
    """Distinct hashes, most of them others with some bits turned: near pairs and pairs just beyond, at every radius."""
    chance = draw(st.randoms(use_true_random=False))
    numbers = [chance.getrandbits(256)]
    for _ in range(draw(st.integers(0, 40))):
        turned = chance.choice(numbers) if chance.random() < 0.8 else chance.getrandbits(256)
        for _ in range(chance.choice([1, 3, 8, 9, 10, 30])):
            turned ^= 1 << chance.randrange(draw(st.sampled_from([64, 256])))
        numbers.append(turned)
    return np.array([bits_of(number) for number in dict.fromkeys(numbers)], dtype=np.uint64)


def near_pairs(words: Words, within: int) -> set[tuple[int, int]]:
    def near(one: list[int], two: list[int]) -> bool:
        apart = [(a ^ b).bit_count() for a, b in zip(one, two, strict=True)]
        return apart[0] <= COARSE and sum(apart) <= within

    rows = words.tolist()
    return {(i, j) for i, j in combinations(range(len(rows)), 2) if near(rows[i], rows[j])}


def partition(numbers: list[int]) -> set[frozenset[int]]:
    return {frozenset(i for i, other in enumerate(numbers) if other == number) for number in set(numbers)}


def spread(count: int, pairs: set[tuple[int, int]]) -> list[int]:
    number = list(range(count))
    for _ in range(count):
        for a, b in pairs:
            number[a] = number[b] = min(number[a], number[b])
    return number


radii = st.sampled_from([0, 1, 7, 8, 9, 20, 40, 96])


@given(hash_sets(), radii)
@settings(max_examples=30, deadline=None)
def test_clusters_are_those_of_comparing_all_pairs(words: Words, within: int) -> None:
    found = HammingJoin(words, within).clusters().tolist()
    assert partition(found) == partition(spread(len(words), near_pairs(words, within)))


@given(hash_sets(), radii, st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_pairs_are_those_of_comparing_all_pairs_of_different_colours(
    words: Words, within: int, chance: random.Random
) -> None:
    colour = np.array([chance.choice([-1, 0, 1, 2]) for _ in words], dtype=np.int64)
    expected = {
        (i, j) for i, j in near_pairs(words, within) if colour[i] != colour[j] and -1 not in (colour[i], colour[j])
    }
    join = HammingJoin(words, within)
    found = {
        (min(pair), max(pair))
        for first, second in join.pairs(colour)
        for pair in zip(first.tolist(), second.tolist(), strict=True)
    }
    assert found == expected
    crossing = join.crossing(colour)
    assert (crossing is not None) == bool(expected)


def test_small_portions_find_the_same() -> None:
    chance = random.Random(0)  # noqa: S311
    centres = [chance.getrandbits(256) for _ in range(4)]
    numbers = {centre ^ 1 << chance.randrange(256) ^ 1 << chance.randrange(256) for centre in centres * 60}
    words = np.array([bits_of(number) for number in sorted(numbers)], dtype=np.uint64)
    side = np.arange(len(words)) % 2
    whole = HammingJoin(words, 40)
    expected = {(i, j) for i, j in near_pairs(words, 40) if (i + j) % 2}
    assert partition(whole.clusters().tolist()) == partition(spread(len(words), near_pairs(words, 40)))
    parts = list(HammingJoin(words, 40, pairs_at_once=7).pairs(side))
    assert max(len(first) for first, _ in parts) <= len(words)
    assert {tuple(sorted(pair)) for part in parts for pair in zip(*(p.tolist() for p in part), strict=True)} == expected


def test_no_hashes_and_one() -> None:
    for count in (0, 1):
        join = HammingJoin(np.zeros((count, 4), dtype=np.uint64), 40)
        assert join.clusters().tolist() == [0] * count
        assert join.crossing(np.zeros(count, dtype=np.int64)) is None


def test_thousands_of_one_cluster_cost_no_comparison_of_every_pair() -> None:
    chance = np.random.default_rng(0)
    words = np.zeros((20_000, 4), dtype=np.uint64)
    words[:, 1] = chance.permutation(20_000)  # equal coarse bits: every pair is a candidate
    join = HammingJoin(words, 40)
    clusters = join.clusters()
    assert set(clusters.tolist()) == {0}
    assert join.crossing(clusters) is None
