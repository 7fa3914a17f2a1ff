"""The rules about labels that are numbers, on the manifest of a few texts."""

from typing import Any

import pytest
from pydantic import ValidationError as SettingsError

from finetrail.targets.numbers import NUMBERS
from tests.unit.contents.text.manifests import Rows, listed, manifest
from tests.unit.sections_of import rules_of


def column(rows: Rows, name: str, **rules: Any) -> list[Any]:
    return listed(rules_of("text-regression", **rules).derive(manifest(rows, NUMBERS))[name])


def test_labels_of_words_are_found_and_missing_ones_are_not_found_twice() -> None:
    rows: Rows = [("x", "1.5", None), ("y", "n/a", None), ("z", None, None), ("u", "-inf", None), ("v", " 2 ", None)]
    assert column(rows, "number") == [1.5, None, None, None, 2.0]
    assert column(rows, "label_of_words") == [None, "n/a", None, "-inf", None]
    assert column(rows, "label_used") == [1.5, None, None, None, 2.0]


def test_numbers_are_the_same_however_they_are_written() -> None:
    rows: Rows = [("x", "3", None), ("x", "3.0", None), ("y", "3", None), ("y", "4", None), ("z", "3e0", "test")]
    assert column(rows, "labels_of_content") == [1, 1, 2, 2, 1]
    assert column(rows, "duplicate_of") == [None, "x-0", None, None, None]


def test_a_row_out_of_range_neither_conflicts_nor_repeats() -> None:
    rows: Rows = [("x", "3", None), ("x", "300", None), ("x", "-1", None)]
    bounds = {"label_range": {"min": 0, "max": 100}}
    assert column(rows, "labels_of_content", **bounds) == [1, None, None]
    off = {"label_range": {"policy": "off", "min": 0, "max": 100}}
    assert column(rows, "labels_of_content", **off) == [3, 3, 3]


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"numeric_label": {"policy": "off"}}, "'fail' or 'quarantine'"),
        ({"label_range": {"min": 2, "max": 1}}, "min 2 is above max 1; swap them"),
        ({"label_range": {"low": 2}}, "unknown key 'low'.*allowed keys: policy, min, max"),
        ({"rare_label": {}}, "unknown key 'rare_label'"),
        ({"class_balance": {}}, "unknown key 'class_balance'"),
        ({"unknown_label": {"labels": ["1", "2"]}}, "unknown key 'unknown_label'"),
    ],
)
def test_rules_of_numbers_refuse(wrong: dict[str, Any], match: str) -> None:
    with pytest.raises(SettingsError, match=match):
        rules_of("text-regression", **wrong)
