"""What is said about a split: errors where nobody could train or score on it, and warnings."""

from collections import Counter
from dataclasses import replace

import pytest

from finetrail.contents.text.split import TextSplit
from finetrail.data.splitting.report import chains, label_counts, refuse, rows_of
from finetrail.data.splitting.rows import Rows
from finetrail.errors import SplitError
from finetrail.targets.classes.strata import ClassStrata
from tests.unit.data.splitting.rows import assign, chosen, distinct, warnings


def test_few_large_groups_still_give_three_splits() -> None:
    groups: list[str | None] = ["a", "b", "c"] * 10
    rows = distinct(30, ["x", "y"] * 15, groups)
    result = assign(rows, TextSplit(method="group"))
    assert Counter(result.splits) == {"train": 10, "val": 10, "test": 10}
    found = warnings(rows, result, TextSplit(method="group"))
    assert [line.split(":")[0] for line in found] == [
        "test holds 0.333 of the rows instead of 0.2",
        "val holds 0.333 of the rows instead of 0.1",
    ]


def test_a_long_chain_is_a_warning() -> None:
    rows = distinct(40, ["x", "y"] * 20)
    chain = replace(rows, keys=[*[" ".join(f"c{i + n}" for i in range(30)) for n in range(4)], *rows.keys[4:]])
    assert chains(chain, assign(chain, TextSplit())) == [
        (
            "a chain of near duplicates joins 4 of 40 rows, which stay together: if they are not all the same, make "
            "split.near_duplicates stricter"
        )
    ]
    assert chains(rows, assign(rows, TextSplit())) == []
    same = replace(rows, keys=[rows.keys[0]] * 10 + list(rows.keys[10:]))
    assert chains(same, assign(same, TextSplit())) == []


def refusal(rows: Rows, split: TextSplit) -> str:
    def divide() -> None:
        assignment = assign(rows, split)
        refuse(assignment, split)
        ClassStrata().refuse(label_counts(rows, assignment), [])

    with pytest.raises(SplitError) as caught:
        divide()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_refusals() -> None:
    none = Rows([], [], [], [], [])
    assert "0 rows are left to split" in refusal(none, TextSplit())
    rows = distinct(30, ["x", "y"] * 15)
    assert "'official' needs a test split in the source, which has {'train': 30}" in refusal(rows, chosen("official"))
    assert "30 of 30 rows have no group (first: 'id000')" in refusal(rows, chosen("group"))
    partly = replace(rows, official=["test", None, *["train"] * 28])
    assert "1 of 30 rows have no official split (first: 'id001')" in refusal(partly, chosen("official"))
    assert "train has 1 label ('x'): a classifier needs at least 2" in refusal(distinct(30, ["x"] * 30), TextSplit())
    assert "split 'val' is empty (train 1, val 0, test 1" in refusal(distinct(2, ["x", "x"]), TextSplit())
    lone = replace(distinct(30, [*["x", "y"] * 14, "x", "z"]), official=[*["train"] * 29, "test"])
    assert "label 'z' with 1 rows is never in train (train 0, val 0, test 1)" in refusal(lone, chosen("official"))


def test_a_source_without_test_rows_is_accepted_where_the_settings_say_so() -> None:
    rows = replace(distinct(30, ["x", "y"] * 15), official=[*["train"] * 20, *["val"] * 10])
    untested = TextSplit(method="official", test=0)
    result = assign(rows, untested)
    refuse(result, untested)
    assert rows_of(result) == {"train": 20, "val": 10, "test": 0}
    assert warnings(rows, result, untested) == []
    with pytest.raises(ValueError, match="test = 0 leaves nothing to test on: give it a share, or use method official"):
        TextSplit(method="stratified", test=0)


def test_a_label_with_one_row_trains_and_is_a_warning() -> None:
    rows = distinct(31, [*["x", "y"] * 15, "rare"])
    result = assign(rows, TextSplit())
    refuse(result, TextSplit())
    assert warnings(rows, result, TextSplit()) == [
        "label 'rare' (1 rows) is not in val and test: it is not scored there"
    ]
