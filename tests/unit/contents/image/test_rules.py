"""The rules about images: in plain pandas, through Great Expectations, and what the stage then writes."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError as SettingsError

from finetrail.data.store.raw import keyed, read_manifest
from finetrail.data.validation.expectations import inspect
from finetrail.errors import ValidationError
from finetrail.stages.validate import Rows, Validated, validate
from finetrail.targets.classes import CLASSES
from finetrail.workspace import Workspace
from tests.unit.image_rows import ImageRow, write_images
from tests.unit.sections_of import IMAGES, rules_of, section

FEW, SOME = (70, 80, 90), tuple(range(70, 100))  # bits of the hash
GOOD = [ImageRow(number, ("cat", "dog", "<b>bird</b>")[number % 3]) for number in range(30)]
HOSTILE = "not a complete image (<script>alert('name')</script>); save it again"
BAD = [
    ImageRow(None, "cat"),
    ImageRow(100, "cat", error=HOSTILE),
    ImageRow(101, "cat", width=4),
    ImageRow(102, "cat", height=70),
    ImageRow(103, "cat", width=300, height=20),
    ImageRow(104, "cat", mode="CMYK"),
    ImageRow(105, "cat", contrast=0.4),
    ImageRow(106, None),
    ImageRow(0, "cat"),
    ImageRow(1, "cat"),
]
NEAR = [ImageRow(3, "cat", 1, FEW), ImageRow(4, "cat", 1, SOME)]
RULES = rules_of(IMAGES, size={"min_width": 5, "max_height": 60}, mode={"modes": ["RGB", "L"]})


def manifest_of(tmp_path: Path, rows: list[ImageRow]) -> pd.DataFrame:
    return keyed(read_manifest(write_images(tmp_path, rows).raw), CLASSES.key)


def derived(tmp_path: Path, rows: list[ImageRow], **rules: Any) -> pd.DataFrame:
    return rules_of(IMAGES, **rules).derive(manifest_of(tmp_path, rows))


def listed(column: "pd.Series[Any]") -> list[Any]:
    return [None if pd.isna(value) else value for value in column]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Validated]:
    space = write_images(tmp_path_factory.mktemp("validated"), [*GOOD, *BAD, *NEAR], rows_a_shard=7)
    return space, validate(space, RULES, CLASSES)


def test_every_bad_image_is_put_aside_and_counted(done: tuple[Workspace, Validated]) -> None:
    space, validated = done
    found = {finding.rule.name: finding.unexpected for finding in validated.findings if finding.unexpected}
    # ImageRow 1 stands under cat and dog: both go. ImageRow 4 is near to one under another label, image 3 to one of its
    # own: both are warnings, and all four rows are used.
    assert found == {
        "missing_image": 1,
        "undecodable": 1,
        "size": 2,
        "aspect": 1,
        "mode": 1,
        "blank": 1,
        "missing_label": 1,
        "conflicting_label": 2,
        "duplicate": 1,
        "near_conflicting_label": 2,
        "near_duplicate": 1,
        "max_quarantined": 1,
    }
    assert validated.rows == Rows(ingested=42, quarantined=11, passed=31)
    report = json.loads(space.validation_report.read_text(encoding="utf-8"))
    assert sum(report["labels"].values()) == 31
    messages = {entry["rule"]: entry["message"] for entry in report["rules"]}
    assert messages["size"] == "2 rows whose image is not 5 to 20000 pixels wide and 1 to 60 high: put aside"
    assert messages["near_duplicate"] == (
        "1 row whose image is nearly equal to that of another row with the same label: a warning only, they are used"
    )


def test_the_quarantine_names_the_file_and_says_why_it_cannot_be_decoded(done: tuple[Workspace, Validated]) -> None:
    with done[0].quarantine.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == ["id", "source", "row", "split", "label", "rules", "content", "detail"]
    reasons = {int(line["row"]): line["rules"] for line in lines}
    assert reasons[31] == "missing_image"
    assert reasons[32] == "undecodable"
    assert reasons[33] == reasons[34] == "size"
    assert reasons[35] == "aspect"
    assert {2, 40} == {row for row, rules in reasons.items() if rules == "conflicting_label"}
    assert not {41, 42} & set(reasons)
    content = {line["source"]: line["content"] for line in lines}
    assert content["all/cat/0032.png"] == HOSTILE
    assert content["all/cat/0033.png"] == ""


def test_data_docs_show_no_script_of_a_file(done: tuple[Workspace, Validated]) -> None:
    index = (done[0].validation / "data_docs" / "index.html").read_text(encoding="utf-8")
    assert "<script" not in index
    assert "&lt;script&gt;alert(" in index


def test_a_bad_image_may_stop_the_pipeline(tmp_path: Path) -> None:
    space = write_images(tmp_path, [*GOOD, *BAD])
    rules = rules_of(IMAGES, undecodable={"policy": "fail"})
    with pytest.raises(
        ValidationError,
        match=r"^rule undecodable: 1 row whose image cannot be decoded, for example all/cat/0032\.png:32 with label "
        r"'cat'; save these files again, or remove them, or set validation\.undecodable\.policy to quarantine; report",
    ):
        validate(space, rules, CLASSES)


def test_near_images_go_if_asked_to_and_the_official_test_image_stays(tmp_path: Path) -> None:
    rows = [
        ImageRow(1, "cat", split="train"),
        ImageRow(1, "cat", 1, FEW, split="test"),
        ImageRow(1, "cat", 2, SOME, split="train"),
        ImageRow(2, "dog", split="train"),
        ImageRow(2, "cat", 1, SOME, split="train"),
        ImageRow(3, "cat", split="train"),
    ]
    asked = {"near_duplicate": {"policy": "quarantine"}, "rare_label": {"policy": "off"}}
    table = derived(tmp_path, rows, **asked)
    assert listed(table["near_duplicate_of"]) == [rows[1].id, None, rows[1].id, None, None, None]
    assert listed(table["near_other_label"]) == [None, None, None, "dog", "cat", None]
    assert listed(table["label_used"]) == [None, "cat", None, "dog", "cat", "cat"]
    table = derived(tmp_path, rows, **asked, near_conflicting_label={"policy": "fail"})
    assert listed(table["label_used"]) == [None, "cat", None, None, None, "cat"]
    table = derived(tmp_path, rows, near_duplicate={"max_distance": 20}, rare_label={"policy": "off"})
    assert listed(table["near_duplicate_of"]) == [rows[1].id, None, None, None, None, None]
    table = derived(tmp_path, rows, near_duplicate={"policy": "off"}, near_conflicting_label={"policy": "off"})
    assert listed(table["near_duplicate_of"]) == listed(table["near_other_label"]) == [None] * 6


def test_images_that_cannot_be_used_are_near_to_none(tmp_path: Path) -> None:
    rows = [
        ImageRow(1, "cat", contrast=0),
        ImageRow(1, "cat", 1),
        ImageRow(None, "cat"),
        ImageRow(5, "cat", error="cut off"),
    ]
    assert listed(derived(tmp_path, rows)["near_duplicate_of"]) == [None] * 4
    table = derived(tmp_path, rows, blank={"policy": "off"}, rare_label={"policy": "off"})
    assert listed(table["near_duplicate_of"]) == [None, rows[0].id, None, None]
    assert listed(derived(tmp_path, rows[2:])["label_used"]) == [None, None]


IMAGE_ROWS = st.builds(
    ImageRow,
    number=st.sampled_from([None, 0, 1, 2, 3]),
    label=st.sampled_from([None, " ", "p", "q"]),
    version=st.integers(0, 1),
    turned=st.sampled_from([(), FEW]),
    split=st.sampled_from([None, "test"]),
    width=st.sampled_from([1, 8, 100]),
    mode=st.sampled_from(["RGB", "P"]),
    contrast=st.sampled_from([0.0, 30.0]),
    error=st.sampled_from([None, None, None, "cut off"]),
)
POLICY = st.sampled_from(["fail", "quarantine", "off"])


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(IMAGE_ROWS, min_size=1, max_size=12), policy=POLICY, near=st.sampled_from(["warn", "quarantine"]))
def test_great_expectations_finds_the_very_rows_that_pandas_leaves_out(
    rows: list[ImageRow], policy: str, near: str, tmp_path: Path
) -> None:
    rules = rules_of(
        IMAGES,
        rare_label={"policy": policy, "min_rows": 2},
        blank={"policy": policy},
        mode={"modes": ["RGB"]},
        aspect={"policy": policy},
        near_duplicate={"policy": near},
        near_conflicting_label={"policy": near},
    )
    table = manifest_of(tmp_path, rows)
    findings = inspect(table, rules).findings
    aside = {identity for finding in findings if finding.rule.puts_aside for identity in finding.ids}
    table = rules.derive(table)
    assert aside == set(table.loc[table["label_used"].isna(), "id"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"missing_image": {"policy": "off"}}, "'fail' or 'quarantine'"),
        ({"undecodable": {"policy": "off"}}, "'fail' or 'quarantine'"),
        ({"size": {"min_width": 9, "max_width": 3}}, "min_width 9 is above max_width 3; swap them"),
        ({"size": {"min_height": 30_000}}, "min_height 30000 is above max_height 20000"),
        ({"aspect": {"max_ratio": 0.5}}, "greater than or equal to 1"),
        ({"mode": {"modes": []}}, "at least 1 item"),
        ({"blank": {"min_contrast": 200}}, "less than or equal to 127.5"),
        ({"near_duplicate": {"max_distance": 97}}, "less than or equal to 96"),
        ({"near_duplicate": {"policy": "drop"}}, "'fail', 'quarantine', 'warn' or 'off'"),
        ({"length": {}}, "unknown key 'length'"),
    ],
)
def test_settings_that_are_not_allowed_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        rules_of(IMAGES, **given)


def test_every_entry_of_the_section_is_a_rule() -> None:
    named = [rule.name for rule in rules_of(IMAGES).catalogue()]
    entries = {*section(IMAGES, "validation").model_fields} - {"max_quarantined"}  # which judges what these found
    assert sorted(named) == sorted([*entries, "schema", "two_labels"])


def test_a_manifest_of_texts_is_refused(tmp_path: Path) -> None:
    space = write_images(tmp_path, GOOD)
    read_manifest(space.raw).drop(columns=["contrast"]).to_parquet(space.manifest)
    with pytest.raises(ValidationError, match=r"rule schema: .*no column 'contrast'.*; run `finetrail ingest` again"):
        validate(space, RULES, CLASSES)
