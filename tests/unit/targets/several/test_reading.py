"""Labels of several targets as sources, corrections, rules and splits see them; and what params.yaml may say."""

from typing import Any

import pandas as pd
import pytest

from finetrail.data.store.raw import Unreadable
from finetrail.errors import ConfigError, SourceError, SplitError
from finetrail.sections import sections
from finetrail.tasks.registry import get_task, task_of
from tests.unit.targets.several.rows import KINDS, LABELS, TARGET, TASK

COLUMNS: Any = TARGET.Columns.model_validate({"targets": {"tags": {"label": "words", "delimiter": ";"}}})
SPLIT: Any = sections(TASK).model_fields["split"].annotation
RULES: Any = sections(TASK).model_fields["validation"].annotation


def read(**record: Any) -> Any:
    record, value = TARGET.given("a.csv, row 1", record, COLUMNS)
    return TARGET.read("a.csv, row 1", value, COLUMNS)


def test_each_target_has_a_column_of_its_own_and_may_lack_a_label() -> None:
    assert COLUMNS.labels == ("stars", "words", "topic")
    assert read(stars="4", words="b; a", topic="x") == {"stars": 4.0, "tags": ("a", "b"), "topic": "x"}
    assert read(stars=None, words=None, topic=3) == {"stars": None, "tags": None, "topic": "3"}
    assert read(stars=None, words=None, topic=None) is None
    assert read(stars="many", words="a", topic="x") == Unreadable("stars: many")
    with pytest.raises(SourceError, match=r"^a.csv, row 1, target topic: label True is a boolean"):
        read(stars="1", words="a", topic=True)


def test_equal_labels_share_a_key_from_which_a_correction_is_read() -> None:
    key = TARGET.key({"topic": "x", "stars": 4.0, "tags": ["b", "a"]})
    assert key == TARGET.key({"stars": 4, "tags": ("a", "b"), "topic": "x"})
    assert TARGET.from_cell("row 1", key, COLUMNS) == {"stars": 4.0, "tags": ("a", "b"), "topic": "x"}
    assert TARGET.from_cell("row 1", '{"topic": "x"}', COLUMNS) == {"stars": None, "tags": None, "topic": "x"}
    for wrong in ("x", '{"topics": "x"}'):
        with pytest.raises(
            SourceError, match=r"is written as a JSON object of labels by target, of stars, tags, topic"
        ):
            TARGET.from_cell("row 1", wrong, COLUMNS)
    assert TARGET.said(LABELS[0], None) == "stars: 1; tags: a; topic: x"
    with pytest.raises(TypeError, match="'x' is not a mapping of labels"):
        TARGET.key("x")


def test_spellings_are_those_of_one_target() -> None:
    names = {"tags: Red": 1, "tags: red": 5, "topic: red": 3, "topic: 3.0": 2, "topic: 3": 2}
    assert RULES().spellings(names).others == {"tags: Red": "tags: red"}
    merged = RULES.model_validate({"label_spelling": {"policy": "merge"}}).spellings(names).merged
    assert merged == {"tags: Red": "tags: red", "topic: 3.0": "topic: 3"}
    label = {"stars": None, "tags": ["Red"], "topic": "3.0"}
    assert set(TARGET.names(label)) == {"tags: Red", "topic: 3.0"}
    assert TARGET.renamed(label, merged) == {"stars": None, "tags": ["red"], "topic": "3"}
    assert RULES.model_validate({"label_spelling": {"policy": "off"}}).spellings(names).merged == {}


def test_each_target_has_the_rules_of_its_kind_on_its_own_rows() -> None:
    rules = RULES.model_validate(
        {"targets": {"topic": {"unknown_label": {"labels": ["x", "y"], "policy": "quarantine"}}}}
    )
    names = [rule.name for rule in (*rules.own_label_rules(), *rules.rules_of_all())]
    assert {"label_spelling", "readable_label", "stars.label_range", "topic.rare_label", "tags.two_labels"} <= {*names}
    assert len(set(names)) == len(names)
    remedies = [rule.remedy for rule in rules.own_label_rules() if rule.name == "topic.unknown_label"]
    assert remedies == ["correct the label, or add it to validation.targets.topic.unknown_label.labels"]
    keys = [*map(TARGET.key, LABELS), "stars: many", None]
    table = pd.DataFrame({"id": [str(row) for row in range(len(keys))], "label": pd.Series(keys, dtype="str")})
    aside = rules.judge_labels(table)
    assert aside.tolist() == [False] * 5 + [True, True, False], "an unknown topic, and what is no number"
    assert table["label_of_no_target"].dropna().tolist() == ["stars: many"]
    rules.judge_all(table, table[~aside & table["label"].notna()].copy())
    assert table["topic.rows_of_label"].tolist()[:3] == [3, 1, 3]
    assert table["stars.label_used"].dropna().tolist() == [1, 4, 2.5]
    described = rules.describe_labels(table["label"][~aside].dropna())
    assert described["topic: x"] == 3
    assert described["stars: rows"] == 3


def test_a_split_keeps_the_shares_of_each_target_and_refuses_one_that_it_lacks() -> None:
    division = SPLIT()
    strata = TARGET.strata.of(LABELS, [None] * len(LABELS), division)
    assert strata[1] == ("tags: a", "tags: b", "topic: y")
    assert strata[3][0].startswith("stars: bin")
    counts = {split: {one: 1 for of_row in strata for one in of_row} for split in ("train", "val", "test")}
    TARGET.strata.refuse(counts, LABELS)
    TARGET.strata.refuse(counts | {"test": dict.fromkeys(counts["test"], 0)}, LABELS)  # an untested source
    lacking = counts | {"val": {one: 0 if one.startswith("topic") else 1 for one in counts["val"]}}
    with pytest.raises(
        SplitError, match=r"^val has no row with a label of target 'topic': .* remove it from task.targets"
    ):
        TARGET.strata.refuse(lacking, LABELS)
    with pytest.raises(SplitError, match=r"^target 'stars': all 2 rows of train have the label 1"):
        TARGET.strata.refuse(counts, [LABELS[0], LABELS[0]])


@pytest.mark.parametrize(
    ("part", "given", "message"),
    [
        ("Training", {"metric": "macro_f1"}, "metric"),
        ("Training", {"only": "topic"}, "counts targets that are not learnt; set metric to .* such as topic.macro_f1"),
        (
            "Training",
            {"targets": {"topic": {"metric": "accuracy"}}},
            "key 'metric' is that of all targets; set it beside",
        ),
        ("Training", {"targets": {"topic": {"huber_delta": 1.0}}}, "unknown key 'huber_delta'"),
        ("Training", {"targets": {"price": {}}}, "unknown key 'price'; .*allowed keys: stars, tags, topic"),
        ("Columns", {"targets": {"topic": {"group": "a"}}}, "key 'group' is that of all targets"),
    ],
)
def test_a_key_that_a_target_has_not_is_refused(part: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        getattr(TARGET, part).model_validate(given)


def test_a_task_is_the_same_for_the_same_targets_in_any_order() -> None:
    again = get_task("text-multi-target").of({"topic": None, "tags": KINDS["tags"], "stars": "regression"})
    assert again is TASK
    assert task_of(TASK.identity) is TASK
    assert TASK.identity["targets"] == (
        "stars: regression, tags: multi_label_classification, topic: single_label_classification"
    )


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            {},
            r"task.targets names 0 targets, but this task learns several at once; name two or more, such as `targets:",
        ),
        ({"topic": None}, r"task.targets names 1 targets"),
        (
            {"a": None, "b": "token_classification"},
            r"task.targets.b.problem_type is 'token_classification', .* use one",
        ),
    ],
)
def test_targets_that_no_model_learns_at_once_are_refused(targets: dict[str, str | None], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        get_task("image-multi-target").of(targets)


def test_a_task_with_one_target_has_no_names_for_it() -> None:
    with pytest.raises(
        ConfigError, match=r"task.targets names a, b, but this task has one target; remove targets, or use"
    ):
        get_task("text-classification").of({"a": None, "b": None})
