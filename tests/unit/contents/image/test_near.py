"""Near images: what is said of rows, against comparing every row with every other."""

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrail.contents.image.near import Images
from finetrail.errors import DataError
from tests.unit.image_rows import ImageRow

# Few images and versions of them whose hashes differ in 0 to 60 bits, the coarse ones among them.
images = st.builds(
    ImageRow,
    number=st.integers(0, 3),
    label=st.sampled_from("xyz"),
    version=st.integers(0, 3),
    turned=st.sampled_from([(), (0,), tuple(range(8)), tuple(range(9)), tuple(range(100, 140)), tuple(range(90, 150))]),
)
row_sets = st.lists(images, max_size=14)
radii = st.sampled_from([None, 0, 8, 40, 60])


def build(rows: list[ImageRow], within: int | None) -> Images:
    return Images(keys(rows), [row.perceptual_hash for row in rows], within)


def keys(rows: list[ImageRow]) -> list[str]:
    return [row.id + row.perceptual_hash for row in rows]  # equal files have equal hashes


def near(one: ImageRow, two: ImageRow, within: int | None) -> bool:
    apart = int(one.perceptual_hash, 16) ^ int(two.perceptual_hash, 16)
    if within is None:
        return one.id == two.id and not apart
    return (apart >> 192).bit_count() <= 8 and apart.bit_count() <= within


@given(row_sets, radii, st.data())
@settings(max_examples=25, deadline=None)
def test_what_it_says_is_so_of_every_pair(rows: list[ImageRow], within: int | None, data: st.DataObject) -> None:
    found = build(rows, within)
    pairs = [(i, j) for i, j in combinations(range(len(rows)), 2) if near(rows[i], rows[j], within)]
    number = list(range(len(rows)))
    for _ in rows:
        for i, j in pairs:
            number[i] = number[j] = min(number[i], number[j])
    clusters = found.clusters().tolist()
    assert all((clusters[i] == clusters[j]) == (number[i] == number[j]) for i, j in combinations(range(len(rows)), 2))
    splits = [data.draw(st.sampled_from(["train", "test", None])) for _ in rows]
    leaks = [(i, j) for i, j in pairs if splits[i] and splits[j] and splits[i] != splits[j]]
    crossing = found.crossing(splits)
    assert (crossing is not None) == bool(leaks)
    assert crossing is None or tuple(sorted((crossing.first, crossing.second))) in leaks


@given(row_sets, radii)
@settings(max_examples=25, deadline=None)
def test_beside_finds_the_rows_with_a_near_one_of_another_label(rows: list[ImageRow], within: int | None) -> None:
    labels = [str(row.label) for row in rows]
    found = build(rows, within).beside(labels).tolist()
    expected = [any(other.label != row.label and near(row, other, within) for other in rows) for row in rows]
    assert found == expected


def test_words() -> None:
    rows = [
        ImageRow(1, "x"),
        ImageRow(1, "x"),
        ImageRow(1, "x", 1, tuple(range(60, 90))),
        ImageRow(1, "x", 2, tuple(range(60, 120))),
    ]
    found = build(rows, 40)
    assert len(set(found.clusters().tolist())) == 1
    relations = [found.relation(row, 0) for row in (1, 2, 3)]
    assert relations == ["the same image as", "near to", "joined by a chain of near rows to"]
    assert found.similarity(2, 0) == pytest.approx(1 - 30 / 256)
    assert found.say(found.similarity(2, 0)) == "30 of 256 bits differ"


def test_hashes_of_another_length_are_refused() -> None:
    with pytest.raises(DataError, match="hashes in data/raw do not have 256 bits; run `finetrail ingest` again"):
        Images(["a", "b"], ["0" * 64, "0" * 16], 40)


def test_the_order_of_rows_changes_nothing() -> None:
    rows = [
        ImageRow(number % 40, "x", number, tuple(range(64 + number % 7 * 10, 90 + number % 7 * 10)))
        for number in range(200)
    ]
    order = list(range(len(rows)))
    random.Random(0).shuffle(order)  # noqa: S311
    one = build(rows, 40).clusters().tolist()
    two = build([rows[row] for row in order], 40).clusters().tolist()
    pairs = combinations(range(len(rows)), 2)
    assert all((one[order[i]] == one[order[j]]) == (two[i] == two[j]) for i, j in pairs)
