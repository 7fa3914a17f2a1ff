"""Labels that are numbers, divided so that every split has the same distribution."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.contents.text.near import Texts
from finetrail.contents.text.split import TextSplit
from finetrail.data.splitting.report import label_counts, refuse
from finetrail.data.splitting.rows import Division, Rows
from finetrail.data.splitting.splits import Assignment, assign
from finetrail.errors import SplitError
from finetrail.targets.numbers.strata import BINS, NumberStrata, bins
from finetrail.workspace import SPLITS


class TextNumberSplit(TextSplit):
    """As a task joins the two."""

    strata = NumberStrata()


@given(st.lists(st.integers(-20, 20).map(float), min_size=1, max_size=200), st.sampled_from([0.05, 0.1, 0.3]))
def test_bins_are_ranges_in_order_and_equal_values_are_in_one(values: list[float], share: float) -> None:
    found = dict(zip(values, bins(values, values, share), strict=True))
    assert bins(values, values, share) == [found[value] for value in values]
    assert [found[value] for value in sorted(found)] == sorted(found.values())
    assert len(set(found.values())) <= max(1, min(BINS, int(len(values) * share + 1e-9)))


@pytest.mark.slow
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=100, max_size=300, unique=True))
def test_bins_of_different_values_hold_as_many_rows_each(values: list[float]) -> None:
    sizes = [bins(values, values, 0.1).count(name) for name in set(bins(values, values, 0.1))]
    assert len(sizes) == BINS
    assert max(sizes) - min(sizes) <= 1


def rows_of(labels: list[float], settings: TextNumberSplit, official: list[str | None] | None = None) -> Rows:
    """Rows that are not near to one another."""
    texts = [" ".join(f"w{row}x{i}" for i in range(6)) for row in range(len(labels))]
    given_splits: list[str | None] = official or [None] * len(labels)
    strata = settings.strata.of(labels, given_splits, settings)
    return Rows([f"id{row:03d}" for row in range(len(labels))], texts, strata, given_splits, [None] * len(labels))


def divide(rows: Rows, settings: TextNumberSplit) -> list[str | None]:
    return assign(rows, settings, Texts(rows.keys, settings.near)).splits


@given(
    st.lists(st.floats(-100, 100, width=16) | st.sampled_from([0.0, 1.0]), min_size=6, max_size=150),
    st.sampled_from([(0.2, 0.1), (0.2, 0.2), (0.1, 0.1)]),
    st.integers(0, 9),
)
def test_every_split_gets_its_share_of_every_bin(labels: list[float], shares: tuple[float, float], seed: int) -> None:
    settings = TextNumberSplit(test=shares[0], val=shares[1], seed=seed)
    rows = rows_of(labels, settings)
    splits = divide(rows, settings)
    for name in set(rows.labels):
        of_bin = [split for split, label in zip(splits, rows.labels, strict=True) if label == name]
        for split, share in (("test", settings.test), ("val", settings.val)):
            # Of a bin of a few rows, where many labels are equal, each split gets one nevertheless.
            assert abs(of_bin.count(split) - share * len(of_bin)) <= 1
    assert divide(rows, settings) == splits


def test_few_rows_are_divided_by_their_shares_not_by_bins_of_three() -> None:
    settings = TextNumberSplit(test=0.2, val=0.1)
    splits = divide(rows_of([float(row) for row in range(30)], settings), settings)
    assert [splits.count(name) for name in SPLITS] == [21, 3, 6]


def test_official_carves_val_over_the_whole_range_of_train() -> None:
    settings = TextNumberSplit(method="official", val=0.2)
    labels = [float(row) for row in range(120)]
    official: list[str | None] = [*["train"] * 100, *["test"] * 20]  # the largest numbers are all in test
    splits = divide(rows_of(labels, settings, official), settings)
    chosen = [label for label, split in zip(labels, splits, strict=True) if split == "val"]
    assert len(chosen) == 20
    assert [sum(low <= label < low + 10 for label in chosen) for low in range(0, 100, 10)] == [2] * 10


def test_one_number_in_train_is_refused_and_a_bin_that_train_lacks_is_not() -> None:
    counts: Any = {
        "train": {"bin 01": 4, "bin 02": 0},
        "val": {"bin 01": 0, "bin 02": 1},
        "test": {"bin 01": 1, "bin 02": 0},
    }
    refuse(Assignment([*["train"] * 4, "val", "test"], [], []), Division())
    NumberStrata().refuse(counts, [1.0, 2.0, 2.0, 2.0])
    with pytest.raises(SplitError, match=r"all 4 rows of train have the label 2: there is nothing to learn; add rows"):
        NumberStrata().refuse(counts, [2.0, 2.0, 2.0, 2.0])


def test_no_rows_have_no_bins() -> None:
    settings = TextNumberSplit()
    rows = rows_of([], settings)
    assert rows.labels == []
    with pytest.raises(SplitError, match="0 rows are left to split"):
        divide(rows, settings)
    assert label_counts(
        rows_of([1.0], settings), assign(rows_of([1.0], settings), settings, Texts(["a"], settings.near))
    )
