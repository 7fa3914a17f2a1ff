"""Rows that belong to several strata, as those with a set of classes do."""

from collections import Counter
from dataclasses import replace

import pytest

from finetrail.contents.text.split import TextSplit
from finetrail.data.splitting.report import label_counts, leakage_report, refuse, rows_of
from finetrail.errors import SplitError
from finetrail.targets.class_sets.strata import divide
from tests.unit.data.splitting.rows import Method, assign, distinct, warnings

SETS = [tuple(name for name, every in (("a", 2), ("b", 5), ("c", 25)) if row % every == 0) for row in range(200)]


@pytest.mark.parametrize("method", ["stratified", "official"])
def test_rows_of_several_strata_are_divided_as_their_target_does(method: Method) -> None:
    rows = replace(distinct(200, ["x"] * 200), labels=SETS, divide=divide)
    if method == "official":
        rows = replace(rows, official=["test" if row < 40 else "train" for row in range(200)])
    settings = TextSplit(method=method, val=0.25)
    result = assign(rows, settings)
    counts = label_counts(rows, result)
    divided = Counter(name for row in range(40 if method == "official" else 0, 200) for name in SETS[row])
    for name, total in divided.items():
        assert abs(counts["val"][name] - total / 4) <= 1
        assert counts["train"][name] > 0
    assert rows_of(result)["val"] == (40 if method == "official" else 50)
    assert warnings(rows, result, settings) == []
    with pytest.raises(SplitError, match=r"split 'train' is empty \(train 0, val 0, test 200, 0 removed"):
        refuse(replace(result, splits=["test"] * 200), settings)  # rows are counted, not their classes


def test_near_rows_of_several_strata_stay_together_and_count_once_each_in_each() -> None:
    rows = replace(distinct(60, ["x"] * 60), labels=SETS[:60], divide=divide)
    rows = replace(rows, keys=[*rows.keys[:50], *[f"{key} more" for key in rows.keys[1:11]]])
    result = assign(rows, TextSplit(near_duplicates=0.7))
    assert all(result.splits[row] == result.splits[row + 49] for row in range(1, 11))
    counts = label_counts(rows, result)
    assert sum(counts[split]["a"] for split in counts) == 30
    report = leakage_report(rows, result)
    assert report["near_groups"] == 10
    assert report["mixed_label_groups"] == 10  # an even number and an odd one
