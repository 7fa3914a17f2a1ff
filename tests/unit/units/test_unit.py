"""Which rows a unit learns from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.units.unit import Unit

GROUPS = st.lists(st.one_of(st.none(), st.sampled_from("abcdef")), min_size=1, max_size=60)


@given(GROUPS, st.integers(0, 99), st.floats(0.05, 0.95))
def test_whole_groups_are_drawn_once_and_enough_of_them(groups: list[str | None], seed: int, fraction: float) -> None:
    drawn = Unit(seed, fraction).drawn(groups)
    assert drawn == sorted(set(drawn))
    inside = {groups[row] for row in drawn} - {None}
    outside = {group for row, group in enumerate(groups) if row not in drawn} - {None}
    assert not inside & outside
    wanted, largest = max(1, round(fraction * len(groups))), max(groups.count(group) for group in groups)
    assert wanted <= len(drawn) <= len(groups)
    assert len(drawn) < wanted + (largest if inside else 1)


@given(GROUPS, st.integers(0, 99))
def test_a_smaller_part_lies_in_a_larger_one(groups: list[str | None], seed: int) -> None:
    small, large, whole = (set(Unit(seed, fraction).drawn(groups)) for fraction in (0.2, 0.7, 1.0))
    assert small <= large <= whole == set(range(len(groups)))


def test_another_seed_draws_other_rows_and_the_same_one_the_same() -> None:
    rows = [None] * 100
    assert Unit(1, 0.5).drawn(rows) == Unit(1, 0.5).drawn(rows) != Unit(2, 0.5).drawn(rows)
    assert len(Unit(1, 0.5).drawn(rows)) == 50


@given(GROUPS, st.integers(2, 5), st.integers(0, 99))
def test_folds_divide_the_rows_and_keep_groups_whole(groups: list[str | None], folds: int, seed: int) -> None:
    outside = [Unit(seed, 1.0, fold, folds).held_out(groups) for fold in range(1, folds + 1)]
    assert sorted(row for of in outside for row in of) == list(range(len(groups)))
    for fold, held_out in enumerate(outside, start=1):
        drawn = Unit(seed, 1.0, fold, folds).drawn(groups)
        assert sorted([*drawn, *held_out]) == list(range(len(groups)))
        assert not {groups[row] for row in drawn} & {groups[row] for row in held_out} - {None}
        assert Unit(seed + 1, 1.0, fold, folds).held_out(groups) == held_out


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        (Unit(0, 1.0, 2, 3), "seed 0 without fold 2 of 3"),
        (Unit(3), "seed 3"),
        (Unit(1, 0.25), "seed 1 on 0.25 of the rows"),
    ],
)
def test_a_unit_is_named_in_messages(unit: Unit, said: str) -> None:
    assert str(unit) == said
