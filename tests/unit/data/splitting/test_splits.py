"""The promises of the split, held against data sets that hypothesis makes up."""

import random
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetrail.contents.text.near import similarity
from finetrail.contents.text.split import TextSplit
from finetrail.data.splitting.report import label_counts, leakage_report, refuse
from finetrail.data.splitting.rows import Rows
from finetrail.data.splitting.splits import Assignment
from finetrail.targets.class_sets.strata import divide
from tests.unit.data.splitting.rows import NEAR, Method, assign, chosen, distinct, make_rows

pytestmark = pytest.mark.slow

METHODS: list[Method] = ["official", "stratified", "group", "hash"]
ORDER = {"test": 0, "val": 1, "train": 2}
# Texts of few words, the same with a word more, and with two: many are the same or near, or joined by a chain. They are
# drawn whole, since hypothesis takes its time for every word.
CHANCE = random.Random(0)  # noqa: S311
BASES = [CHANCE.choices("abcd", k=number % 8) for number in range(40)]
SENTENCES = {" ".join([*words, *more]) for words in BASES for more in ("", CHANCE.choice("abcd"), "ab")}
sentences = st.sampled_from(sorted(SENTENCES, key=lambda text: (len(text), text)))


@st.composite
def row_sets(draw: st.DrawFn, with_groups: bool | None = None) -> Rows:
    size = draw(st.integers(1, 30))

    def column(values: st.SearchStrategy[str]) -> list[str]:
        return draw(st.lists(values, min_size=size, max_size=size))

    official = column(st.sampled_from(["train", "train", "test", "val"]))
    official[0] = "test"
    grouped = draw(st.booleans()) if with_groups is None else with_groups
    groups: list[str | None] = [*column(st.sampled_from("ABCDEFG"))] if grouped else [None] * size
    rows = make_rows(column(sentences), column(st.sampled_from("xyz")), [*official], groups)
    if draw(st.booleans()):
        return rows
    sets = draw(st.lists(st.sampled_from([(), ("x",), ("y",), ("x", "y"), ("z",)]), min_size=size, max_size=size))
    return replace(rows, labels=sets, divide=divide)


def take(rows: Rows, order: list[int]) -> Rows:
    columns = (rows.ids, rows.keys, rows.labels, rows.official, rows.groups)
    ids, texts, labels, official, groups = ([column[i] for i in order] for column in columns)
    return Rows(ids, texts, labels, official, groups, rows.divide)  # type: ignore[arg-type]


def by_id(rows: Rows, assignment: Assignment) -> dict[str, str | None]:
    return dict(zip(rows.ids, assignment.splits, strict=True))


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
@settings(deadline=None)
def test_every_row_has_one_place_and_no_near_pair_crosses(method: Method, data: st.DataObject) -> None:
    rows = data.draw(row_sets(with_groups=method == "group" or None))
    result = assign(rows, chosen(method))
    removed = {entry.row for entry in result.removed}
    assert removed == {row for row, split in enumerate(result.splits) if split is None}
    assert len(removed) == len(result.removed)
    assert set(result.splits) <= {"train", "val", "test", None}
    for i, j in combinations(range(len(rows.ids)), 2):
        if result.splits[i] != result.splits[j] and None not in (result.splits[i], result.splits[j]):
            assert similarity(rows.keys[i], rows.keys[j], 3) < NEAR
    report = leakage_report(rows, result)
    assert len(report["removed"]) == len(removed)


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
@settings(deadline=None)
def test_the_order_of_rows_changes_nothing(method: Method, data: st.DataObject) -> None:
    rows = data.draw(row_sets(with_groups=method == "group" or None))
    shuffled = take(rows, data.draw(st.permutations(range(len(rows.ids)))))
    one, two = assign(rows, chosen(method)), assign(shuffled, chosen(method))
    assert by_id(rows, one) == by_id(shuffled, two)
    assert leakage_report(rows, one) == leakage_report(shuffled, two)


@pytest.mark.parametrize("method", ["group", "hash"])
@given(rows=row_sets(with_groups=True))
@settings(deadline=None)
def test_a_group_stays_whole(method: Method, rows: Rows) -> None:
    places = defaultdict(set)
    for group, split in zip(rows.groups, assign(rows, chosen(method)).splits, strict=True):
        places[group].add(split)
    assert all(len(splits) == 1 for splits in places.values())


@given(rows=row_sets(), data=st.data())
@settings(deadline=None, max_examples=300)
def test_hash_when_rows_are_added(rows: Rows, data: st.DataObject) -> None:
    """A row moves only if its unit grew, and then only in the direction test -> val -> train."""
    kept = data.draw(st.sets(st.sampled_from(range(len(rows.ids))), min_size=1))
    before = take(rows, sorted(kept))
    old, new = by_id(before, assign(before, chosen("hash"))), by_id(rows, assign(rows, chosen("hash")))
    added = [row for row in range(len(rows.ids)) if row not in kept]

    def touched(row: int, seen: set[int]) -> bool:
        """Is a row that was added in the unit of this one? By walking from row to row, without clusters."""
        seen.add(row)
        if row in added:
            return True
        for other in set(range(len(rows.ids))) - seen:
            same_group = rows.groups[row] is not None and rows.groups[row] == rows.groups[other]
            near = rows.keys[row] == rows.keys[other] or similarity(rows.keys[row], rows.keys[other], 3) >= NEAR
            if other not in seen and (same_group or near) and touched(other, seen):
                return True
        return False

    for row in kept:
        was, now = str(old[rows.ids[row]]), str(new[rows.ids[row]])
        assert ORDER[now] >= ORDER[was]
        if was != now:
            assert touched(row, set())


@given(sizes=st.lists(st.integers(3, 60), min_size=2, max_size=5), seed=st.integers(0, 99), data=st.data())
@settings(deadline=None, max_examples=60)
def test_stratified_keeps_each_label_s_share_to_the_row(sizes: list[int], seed: int, data: st.DataObject) -> None:
    test, val = data.draw(st.sampled_from([(0.2, 0.1), (0.5, 0.4), (0.01, 0.01), (1 / 3, 1 / 3)]))
    labels = [f"l{number}" for number, size in enumerate(sizes) for _ in range(size)]
    rows = distinct(len(labels), labels)
    result = assign(rows, TextSplit(test=test, val=val, seed=seed))
    counts = label_counts(rows, result)
    for number, size in enumerate(sizes):
        shares = {split: counts[split][f"l{number}"] for split in counts}
        assert all(shares.values())
        assert abs(shares["test"] - size * test) <= 1
        assert abs(shares["val"] - size * val) <= 1
    refuse(result, TextSplit())


def test_seed_changes_the_choice_and_nothing_else() -> None:
    rows = distinct(200, ["x", "y"] * 100)
    one, two = (assign(rows, TextSplit(seed=seed)).splits for seed in (0, 1))
    assert one != two
    assert Counter(one) == Counter(two) == {"train": 140, "test": 40, "val": 20}


def test_hash_shares_and_pinned_places() -> None:
    """Pinned, because a change of the hash would move everybody's rows."""
    splits = assign(distinct(2000, ["x", "y"] * 1000), TextSplit(method="hash")).splits
    counts = Counter(splits)
    assert abs(counts["test"] - 400) < 60
    assert abs(counts["val"] - 200) < 45
    assert [row for row in range(30) if splits[row] == "test"] == [6, 12, 15, 24, 25]
    assert [row for row in range(30) if splits[row] == "val"] == [8]


def test_group_shares() -> None:
    chance = random.Random(0)  # noqa: S311
    groups: list[str | None] = [f"g{chance.randrange(60)}" for _ in range(600)]
    rows = distinct(600, ["x", "y"] * 300, groups)
    counts = Counter(assign(rows, TextSplit(method="group")).splits)
    assert 110 <= counts["test"] <= 120
    assert 50 <= counts["val"] <= 60


def test_official_keeps_test_and_takes_near_rows_out_of_train_and_val() -> None:
    test, near = "a b c d e f g h i j", "a b c d e f g h i z"
    val = "k l m n o p q r s t"
    texts = [test, near, test, val, val, "u v w x y", "1 2 3 4 5"]
    official: list[str | None] = ["test", "train", "val", "val", "train", "train", "train"]
    rows = make_rows(texts, ["x"] * 7, official, [None] * 7)
    result = assign(rows, TextSplit(method="official", near_duplicates=0.7))
    assert result.splits == ["test", None, None, "val", None, "train", "train"]
    assert [(entry.row, entry.split, entry.because_of) for entry in result.removed] == [
        (1, "train", 0),
        (2, "val", 0),
        (4, "train", 3),
    ]
    assert [round(entry.similarity, 3) for entry in result.removed] == [0.778, 1, 1]
    assert leakage_report(rows, result)["removed"][0] == {
        "id": "id001",
        "split": "train",
        "because_of": "id000",
        "because_split": "test",
        "similarity": 0.7778,
    }


def test_official_carves_val_by_label_from_train() -> None:
    rows = distinct(120, ["x", "y", "y"] * 40)
    official = ["test" if i < 20 else "train" for i in range(120)]
    result = assign(replace(rows, official=official), TextSplit(method="official", val=0.2))
    assert result.splits[:20] == ["test"] * 20
    counts = label_counts(rows, result)
    assert sum(counts["val"].values()) == 20
    assert counts["val"]["x"] in (6, 7)
