"""The rules about texts to write, on the manifest of a few texts."""

from typing import Any

import pytest
from pydantic import ValidationError as SettingsError

from finetrail.data.validation.expectations import inspect
from finetrail.targets.sequences import TRANSLATIONS
from tests.unit.contents.text.manifests import Rows, listed, manifest
from tests.unit.sections_of import rules_of

LINE = "a longer line of words"


def column(rows: Rows, name: str, **rules: Any) -> list[Any]:
    return listed(rules_of("translation", **rules).derive(manifest(rows, TRANSLATIONS))[name])


def found(rows: Rows, **rules: Any) -> dict[str, tuple[str, list[str]]]:
    """The policy of each rule that finds rows, and their texts."""
    table = manifest(rows, TRANSLATIONS)
    inspected = inspect(table, rules_of("translation", **rules)).findings
    texts = dict(zip(table["id"], table["sha256"], strict=True))
    return {one.rule.name: (one.rule.policy, [texts[name] for name in one.ids]) for one in inspected if not one.success}


def test_each_rule_finds_its_rows_and_no_other() -> None:
    rows: Rows = [
        (LINE, "eine Zeile", None),
        ("blank target", " \u200b", None),
        ("no target", None, None),
        ("the same text", "the  same text", None),
        ("long", "x" * 50, None),
        ("другой язык", "noch eine", None),
        ("in another script", "в другом", None),
        ("12.5 %", "12,5 %", None),
    ]
    bounds = {
        "target_length": {"max_characters": 40},
        "length_ratio": {"max": 10},
        "source_script": {"scripts": ["latin"]},
        "target_script": {"scripts": ["latin"]},
    }
    assert found(rows, **bounds) == {
        "missing_label": ("quarantine", ["no target"]),
        "empty_target": ("quarantine", ["blank target"]),
        "target_length": ("quarantine", ["long"]),
        "copied_source": ("quarantine", ["the same text"]),
        "length_ratio": ("quarantine", ["long"]),
        "source_script": ("quarantine", ["другой язык"]),
        "target_script": ("quarantine", ["in another script"]),
    }
    assert set(found(rows)) == {"missing_label", "empty_target", "copied_source"}


def test_the_length_of_a_target_is_a_ratio_of_characters() -> None:
    rows: Rows = [("aaaa", "bb", None), ("aaaa", "b", None), ("aaaa", "b" * 9, None)]
    assert found(rows, length_ratio={"min": 0.5, "max": 2}, conflicting_label={"policy": "off"}) == {
        "length_ratio": ("quarantine", ["aaaa", "aaaa"]),
        "two_labels": ("fail", []),
    }


def test_a_text_may_have_two_translations_and_is_counted() -> None:
    rows: Rows = [("Open", "Öffnen", None), ("Open", "Offen", None), (LINE, "eine Zeile", None)]
    assert found(rows) == {"conflicting_label": ("warn", ["Open", "Open"])}
    assert column(rows, "label_used") == ["Öffnen", "Offen", "eine Zeile"]
    strict = {"conflicting_label": {"policy": "quarantine"}}
    assert column(rows, "label_used", **strict) == [None, None, "eine Zeile"]


def test_a_repeated_pair_is_put_aside_and_a_repeated_target_is_counted() -> None:
    rows: Rows = [("a b", "c", None), ("a b", "c ", None), ("other", "c", None), (LINE, "d", None)]
    assert found(rows) == {"duplicate": ("quarantine", ["a b"]), "repeated_target": ("warn", ["other"])}
    assert column(rows, "label_used") == ["c", None, "c", "d"]
    assert column(rows, "label_used", repeated_target={"policy": "quarantine"}) == ["c", None, None, "d"]


def test_one_text_for_all_rows_is_nothing_to_learn() -> None:
    rows: Rows = [("a b", "c", None), ("other", "c", None)]
    assert found(rows)["two_labels"] == ("fail", [])


def test_what_validation_says_of_the_targets() -> None:
    rules = rules_of("translation")
    labels = manifest([("a", "bb", None), ("c", "dddd", None)], TRANSLATIONS)["label"]
    assert rules.describe_labels(labels) == {
        "rows": 2,
        "min_characters": 2.0,
        "mean_characters": 3.0,
        "max_characters": 4.0,
    }
    assert rules.describe_labels(labels[:0]) == {"rows": 0}


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"missing_label": {"policy": "off"}}, "'fail' or 'quarantine'"),
        ({"length_ratio": {"min": 2, "max": 1}}, "min 2 is above max 1; swap them"),
        ({"target_length": {"min_characters": 9, "max_characters": 1}}, "min_characters 9 is above max_characters 1"),
        ({"source_script": {"scripts": []}}, "at least 1 item"),
        ({"empty_target": {"policy": "warn"}}, "'fail', 'quarantine' or 'off'"),
        ({"rare_label": {}}, "unknown key 'rare_label'"),
    ],
)
def test_rules_of_texts_refuse(wrong: dict[str, Any], match: str) -> None:
    with pytest.raises(SettingsError, match=match):
        rules_of("translation", **wrong)
