"""The rules in plain pandas: what each column says, by example and against a slow second opinion."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError as SettingsError

from finetrail.data.validation.findings import Finding
from finetrail.data.validation.rules import fits
from finetrail.targets.classes import CLASSES
from tests.unit.contents.text.manifests import Rows, listed, manifest
from tests.unit.sections_of import TEXTS, rules_of, section


def column(rows: Rows, name: str, **rules: Any) -> list[Any]:
    return listed(rules_of(TEXTS, **rules).derive(manifest(rows, CLASSES))[name])


def test_rows_without_text_are_no_duplicates_of_each_other() -> None:
    rows: Rows = [
        (None, "a", None),
        (None, "a", None),
        ("", "a", None),
        ("", "a", None),
        ("x", "a", None),
        ("x", "a", None),
    ]
    assert column(rows, "duplicate_of") == [None, None, None, None, None, "x-0"]


def test_the_official_test_row_is_the_one_that_is_kept() -> None:
    rows: Rows = [("x", "a", "train"), ("x", "a", None), ("x", "a", "val"), ("x", "a", "test"), ("x", "a", "test")]
    assert column(rows, "duplicate_of") == ["x-3", "x-3", "x-3", None, "x-3"]


def test_rows_of_one_text_with_two_labels_all_conflict_and_are_no_duplicates() -> None:
    rows: Rows = [("x", "a", None), ("x", "a", None), ("x", "b", None), ("y", "b", None)]
    assert column(rows, "labels_of_content") == [2, 2, 2, 1]
    assert column(rows, "duplicate_of") == [None, None, None, None]
    assert column(rows, "duplicate_of", conflicting_label={"policy": "off"}) == [None, "x-0", None, None]


def test_labels_are_counted_among_the_rows_that_are_left() -> None:
    rows: Rows = [("x", "a", None), ("x", "a", None), ("y", "a", None), (" ", "a", None), ("z", "b", None)]
    assert column(rows, "rows_of_label") == [2, None, 2, None, 1]
    assert column(rows, "rows_of_label", duplicate={"policy": "off"}) == [3, 3, 3, None, 1]
    assert column(rows, "label_used", rare_label={"min_rows": 2}) == ["a", None, "a", None, None]


def test_the_largest_class_is_compared_with_each_class() -> None:
    rows: Rows = [*[(f"a{number}", "a", None) for number in range(6)], ("b1", "b", None), ("b2", "b", None)]
    assert column(rows, "largest_class_times", rare_label={"policy": "off"}) == [1.0] * 6 + [3.0] * 2


def test_a_blank_label_is_a_missing_one() -> None:
    assert column([("x", " \t", None), ("y", "b", None)], "label") == [None, "b"]


def test_a_row_of_unknown_label_conflicts_with_none() -> None:
    rows: Rows = [("x", "a", None), ("x", "typo", None)]
    assert column(rows, "labels_of_content", unknown_label={"labels": ["a", "b"]}) == [1, None]


def test_length_leaves_empty_texts_to_their_own_rule() -> None:
    assert column([("", "a", None), ("abc", "a", None)], "length") == [None, 3]
    assert column([("", "a", None), ("abc", "a", None)], "length", empty_text={"policy": "off"}) == [0, 3]


CONTENTS = st.sampled_from([None, "", " ", "a", "b c", "long " * 4])
LABELS = st.sampled_from([None, "", "p", "q", "r"])
SPLITS = st.sampled_from([None, "train", "val", "test"])
POLICY = st.sampled_from(["quarantine", "fail", "off"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CONTENTS, LABELS, SPLITS), max_size=25), POLICY, POLICY, POLICY, POLICY)
def test_agrees_with_a_row_by_row_reading_of_the_rules(
    rows: Rows, empty: str, conflict: str, twice: str, rare: str
) -> None:
    rules = {
        "empty_text": {"policy": empty},
        "conflicting_label": {"policy": conflict},
        "duplicate": {"policy": twice},
        "rare_label": {"policy": rare, "min_rows": 2},
        "length": {"max_characters": 10},
    }
    order = ["test", "val", "train", None]
    left = [n for n, (text, label, _) in enumerate(rows) if text is not None and label and 1 <= len(text) <= 10]
    if empty != "off":
        left = [n for n in left if (rows[n][0] or "").strip()]
    if conflict != "off":
        left = [n for n in left if all(rows[m][0] != rows[n][0] or rows[m][1] == rows[n][1] for m in left)]
    if twice != "off":
        kept: dict[tuple[str | None, str | None], int] = {}
        for n in sorted(left, key=lambda n: order.index(rows[n][2])):
            kept.setdefault(rows[n][:2], n)
        left = sorted(kept.values())
    if rare != "off":
        left = [n for n in left if sum(rows[m][1] == rows[n][1] for m in left) >= 2]
    expected = [label if n in left else None for n, (_, label, _) in enumerate(rows)]
    assert column(rows, "label_used", **rules) == expected


def test_a_manifest_that_lacks_a_column_or_has_a_wrong_type_does_not_fit() -> None:
    good, columns = manifest([("x", "a", None), (None, None, "test")], CLASSES), rules_of(TEXTS).manifest
    assert fits(good, columns)
    assert fits(good.iloc[:0], columns)
    for name in columns:
        assert not fits(good.drop(columns=name), columns)
    assert not fits(good.assign(label=[1, 2]), columns)
    assert not fits(good.assign(words=["1", "2"]), columns)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"missing_text": {"policy": "off"}}, "'fail' or 'quarantine'"),
        ({"class_balance": {"policy": "quarantine"}}, "'fail', 'warn' or 'off'"),
        ({"length": {"min_characters": 9, "max_characters": 3}}, "min_characters 9 is above max_characters 3"),
        ({"rare_label": {"min_rows": 0}}, "greater than or equal to 1"),
        ({"rare_label": {"min_rows": "5"}}, "valid integer"),
        ({"unknown_label": {"labels": ["only one"]}}, "at least 2 items"),
        ({"unknown_label": {"labels": [1, 2]}}, "valid string"),
        ({"duplicates": {"policy": "off"}}, "unknown key 'duplicates'"),
    ],
)
def test_settings_that_are_not_allowed_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        rules_of(TEXTS, **given)


def test_every_entry_of_the_section_is_a_rule() -> None:
    named = [rule.name for rule in rules_of(TEXTS).catalogue()]
    entries = {*section(TEXTS, "validation").model_fields} - {"max_quarantined"}  # which judges what these found
    assert sorted(named) == sorted([*entries, "schema", "two_labels"])


def test_findings_speak_in_words() -> None:
    rules = {rule.name: rule for rule in rules_of(TEXTS, duplicate={"policy": "off"}).catalogue()}
    assert Finding(rules["missing_text"], 0).message == "Every row has a text"
    assert Finding(rules["missing_text"], 1, ("x",)).message == "1 row without a text: put aside"
    assert (
        Finding(rules["rare_label"], 3, ("x", "y", "z")).message
        == "3 rows whose label has fewer than 5 rows: stops the pipeline"
    )
    assert Finding(rules["duplicate"], 0).message == "not checked (policy off)"
    assert Finding(rules["two_labels"], 1, detail="found 1").message == "fewer than two labels are left (found 1)"
