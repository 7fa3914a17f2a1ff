"""Rows with several classes are divided so that every share gets its part of every class, whatever their order."""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iterstrat.ml_stratifiers import IterativeStratification  # type: ignore[import-untyped]
from numpy.typing import ArrayLike

from finetrail.targets.class_sets.ranking import Bools, Floats
from finetrail.targets.class_sets.strata import REST, divide

pytestmark = pytest.mark.slow

Labels = list[tuple[str, ...]]
SHARES = {"test": 0.2, "val": 0.1}
SETS = st.sets(st.sampled_from("abcde")).map(lambda names: tuple(sorted(names)))
LABELS = st.lists(SETS, min_size=1, max_size=60)
PARTS = st.sampled_from([SHARES, {"val": 0.1}, {"test": 0.45, "val": 0.45}, {"test": 0.3, "val": 0.3}])


def grouped(rows: int, sizes: Sequence[int]) -> list[list[int]]:
    """Rows in units of these sizes, again and again."""
    units: list[list[int]] = []
    while sum(map(len, units)) < rows:
        start = sum(map(len, units))
        units.append(list(range(start, min(rows, start + sizes[len(units) % len(sizes)]))))
    return units


def by_row(units: Sequence[Sequence[int]], chosen: Sequence[str]) -> list[str]:
    """The share of each row."""
    found = {row: share for unit, share in zip(units, chosen, strict=True) for row in unit}
    return [found[row] for row in range(len(found))]


def single(labels: Labels, shares: Mapping[str, float], seed: int = 0) -> list[str]:
    """Divide units of one row."""
    draws = np.random.default_rng(seed).random(len(labels)).tolist()
    return divide([[row] for row in range(len(labels))], labels, shares, lambda unit: float(draws[unit[0]]))


@given(LABELS, st.lists(st.integers(1, 6), min_size=1, max_size=5), PARTS)
def test_each_unit_gets_one_share_of_about_its_size(
    labels: Labels, sizes: list[int], shares: Mapping[str, float]
) -> None:
    units = grouped(len(labels), sizes)
    chosen = divide(units, labels, shares, lambda unit: float(unit[0]))
    assert len(chosen) == len(units)
    rows = Counter(by_row(units, chosen))
    assert set(rows) <= {REST, *shares}
    assert rows[REST] >= 1
    largest = max(map(len, units))
    for share, part in shares.items():
        assert rows[share] <= part * len(labels) + largest + 1
        # The others get too many at most, and so take from it what they get.
        assert rows[share] >= part * len(labels) - len(shares) * (largest - 1) - 2
    if len(units) > len(shares):
        assert set(rows) == {REST, *shares}


@given(LABELS, PARTS)
def test_units_of_one_row_meet_the_sizes(labels: Labels, shares: Mapping[str, float]) -> None:
    rows = Counter(single(labels, shares))
    for share, part in {**shares, REST: 1 - sum(shares.values())}.items():
        assert abs(rows[share] - part * len(labels)) <= 2
        if len(labels) >= 20:
            assert abs(rows[share] - part * len(labels)) <= 1


@settings(max_examples=200)
@given(st.lists(SETS, min_size=50, max_size=90), PARTS, st.integers(0, 10**6))
def test_each_share_gets_some_of_every_class_with_enough_rows(
    labels: Labels, shares: Mapping[str, float], seed: int
) -> None:
    # Each share has at least as many rows as there are classes: 5.
    chosen = single(labels, shares, seed)
    for name, rows in Counter(name for of_row in labels for name in of_row).items():
        if rows >= 2 * (len(shares) + 1):
            assert {at for of_row, at in zip(labels, chosen, strict=True) if name in of_row} == {REST, *shares}


@given(LABELS, st.lists(st.integers(1, 4), min_size=1, max_size=4), PARTS, st.integers(0, 10**6))
def test_the_order_of_the_rows_and_units_changes_nothing(
    labels: Labels, sizes: list[int], shares: Mapping[str, float], seed: int
) -> None:
    chance = Random(seed)  # noqa: S311  (no secret)
    units = grouped(len(labels), sizes)
    draws = {row: chance.random() for row in range(len(labels))}
    first = by_row(units, divide(units, labels, shares, lambda unit: draws[min(unit)]))
    place = list(range(len(labels)))  # row i goes to place[i]
    chance.shuffle(place)
    back = {new: old for old, new in enumerate(place)}
    moved = [[place[row] for row in unit] for unit in units]
    chance.shuffle(moved)
    for unit in moved:
        chance.shuffle(unit)
    of_moved = [labels[back[row]] for row in range(len(labels))]
    second = by_row(moved, divide(moved, of_moved, shares, lambda unit: draws[min(back[row] for row in unit)]))
    assert first == [second[place[row]] for row in range(len(labels))]


def test_the_rest_comes_first_then_each_share_where_a_class_has_few_rows() -> None:
    plain: Labels = [("common",)] * 30
    for rows, expected in ((1, {REST: 1}), (2, {REST: 1, "test": 1}), (3, {REST: 1, "test": 1, "val": 1})):
        labels = [*plain, *[("common", "rare")] * rows]
        assert Counter(single(labels, SHARES)[30:]) == expected


@pytest.mark.parametrize(
    ("shares", "labels"),
    [
        # Both rows of test would be of `a` alone, as each went where `a` was missed most.
        ({"test": 0.2, "val": 0.2}, "b ab ab ab b a ab ab a"),
        # The first row with a class that is missing must stay: it is the only one with its other class there.
        ({"test": 0.3, "val": 0.3}, "ac c - ab ab bc a - -"),
    ],
)
def test_rows_change_places_where_a_share_would_have_none_of_a_class(shares: Mapping[str, float], labels: str) -> None:
    sets: Labels = [tuple(word.strip("-")) for word in labels.split()]
    chosen = divide([[row] for row in range(9)], sets, shares, lambda unit: float(unit[0]))
    for share in (REST, "test", "val"):
        assert {name for of_row, at in zip(sets, chosen, strict=True) if at == share for name in of_row} == set(
            "".join(labels.split()).replace("-", "")
        )


def test_whole_units_are_taken_even_where_each_is_larger_than_a_share() -> None:
    units = [list(range(start, start + 10)) for start in range(0, 50, 10)]
    chosen = divide(units, [("a",)] * 50, {"test": 0.1, "val": 0.1}, lambda unit: float(unit[0]))
    assert Counter(chosen) == {REST: 3, "test": 1, "val": 1}
    assert divide([], [], SHARES, lambda _: 0.0) == []
    assert divide([[0, 1]], [("a",), ()], SHARES, lambda _: 0.0) == [REST]


def test_rows_without_a_class_are_divided_too() -> None:
    labels: Labels = [("a",)] * 50 + [()] * 50
    chosen = single(labels, SHARES)
    assert Counter(chosen[:50]) == Counter(chosen[50:]) == {REST: 35, "test": 10, "val": 5}


@pytest.mark.parametrize(("rows", "classes", "at_most"), [(400, 8, 1.15), (1500, 30, 1.05)])
def test_classes_are_as_even_as_by_the_method_of_the_paper_and_far_more_than_by_chance(
    rows: int, classes: int, at_most: float
) -> None:
    ours, paper, chance = np.zeros(3), np.zeros(3), np.zeros(3)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        common = rng.normal(size=(rows, 3)) @ rng.normal(size=(3, classes)) / 2  # classes that come together
        actual = common + rng.normal(size=(rows, classes)) > np.linspace(0.5, 3, classes)
        labels = [tuple(f"{k:02d}" for k in np.flatnonzero(row)) for row in actual]
        parts = [*SHARES.values(), 1 - sum(SHARES.values())]
        names = np.array([*SHARES, REST])
        oracle = names[IterativeStratification(actual, np.array(parts), np.random.RandomState(seed))]
        ours += _unevenness(single(labels, SHARES, seed), actual)
        paper += _unevenness(oracle, actual)
        chance += _unevenness(rng.choice(names, rows, p=parts), actual)
    assert ours[0] < at_most * paper[0]
    assert ours[0] < chance[0] / 3
    assert ours[1] == 0  # classes that a share has no row of
    assert ours[2] <= paper[2]


def _unevenness(chosen: ArrayLike, actual: Bools) -> Floats:
    """Mean distance of a class's proportion in a share from that in all; shares without a class; rows off the size."""
    shares = {**SHARES, REST: 1 - sum(SHARES.values())}
    inside = {share: np.asarray(chosen) == share for share in shares}
    frequent = actual.sum(axis=0) >= 3
    distances = [np.abs(actual[at].mean(axis=0) - actual.mean(axis=0)).mean() for at in inside.values()]
    without = sum((~actual[at][:, frequent].any(axis=0)).sum() for at in inside.values())
    off = sum(abs(int(at.sum()) - shares[share] * len(actual)) for share, at in inside.items())
    return np.array([np.mean(distances), without, round(off, 6)])
