"""Great Expectations itself and the stage around it, on small workspaces."""

import csv
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetrail.contents.text.stored import StoredTexts
from finetrail.data.store.raw import Row, keyed, read_manifest, write_rows
from finetrail.data.validation.expectations import inspect
from finetrail.data.validation.rules import CommonRules
from finetrail.stages.validate import Rows, Validated, validate
from finetrail.targets.classes import CLASSES
from finetrail.workspace import Workspace
from tests.unit.sections_of import TEXTS, rules_of

HOSTILE = "<script>alert('label')</script> & co"
GOOD = [Row("news.csv", n, f"text number {n}", ("autos", "space", HOSTILE)[n % 3]) for n in range(1, 31)]
BAD = [
    Row("news.csv", 31, None, "autos"),
    Row("news.csv", 32, None, None),
    Row("news.csv", 33, " \n\t", "autos"),
    Row("news.csv", 34, "x" * 300 + "\ny", "autos"),
    Row("news.csv", 35, "text number 1", "autos"),
    Row("news.csv", 36, "text number 2", HOSTILE),
    Row("news.csv", 37, "text number 3", "space"),
]
RULES = rules_of(TEXTS, length={"max_characters": 250})


def workspace_of(root: Path, rows: list[Row]) -> Workspace:
    workspace = Workspace(root)
    workspace.raw.mkdir(parents=True, exist_ok=True)
    write_rows(rows, workspace.raw, StoredTexts(), CLASSES)
    return workspace


def check(workspace: Workspace, rules: CommonRules) -> Validated:
    return validate(workspace, rules, CLASSES)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Validated]:
    """One validated workspace for all tests that only look: Great Expectations is slow to import."""
    workspace = workspace_of(tmp_path_factory.mktemp("validated"), [*GOOD, *BAD])
    return workspace, check(workspace, RULES)


def test_every_row_is_counted_and_each_finding_names_its_rows(done: tuple[Workspace, Validated]) -> None:
    workspace, validated = done
    found = {finding.rule.name: finding.unexpected for finding in validated.findings if finding.unexpected}
    assert validated.rows == Rows(ingested=37, quarantined=9, passed=28)
    # Texts 1 and 3 each stand under two labels: both rows of both go. Text 2 stands twice under one: the second goes.
    assert found == {
        "missing_text": 2,
        "empty_text": 1,
        "length": 1,
        "missing_label": 1,
        "duplicate": 1,
        "conflicting_label": 4,
        "max_quarantined": 1,
    }
    assert validated.findings[-1].message == (
        "more than 20% of the rows are put aside (9 of 37, 24%: conflicting_label 4, missing_text 2, missing_label 1, "
        "empty_text 1, length 1, duplicate 1)"
    )
    page = (workspace.validation / "data_docs" / "index.html").read_text(encoding="utf-8")
    assert '<span class="warn">passed with warnings</span>' in page
    report = json.loads(workspace.validation_report.read_text(encoding="utf-8"))
    assert report["success"] is True
    assert report["rows"] == {"ingested": 37, "quarantined": 9, "passed": 28}
    assert sum(report["labels"].values()) == 28
    length = next(entry for entry in report["rules"] if entry["rule"] == "length")
    assert length["bound"] == [1, 250]
    assert length["message"] == "1 row with fewer than 1 or more than 250 characters: put aside"
    assert length["examples"] == [read_manifest(workspace.raw)["id"][33]]


def test_the_quarantine_opens_as_a_table_with_the_reason_and_the_place_of_each_row(
    done: tuple[Workspace, Validated],
) -> None:
    workspace, _ = done
    with workspace.quarantine.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    reasons = {int(line["row"]): line["rules"] for line in lines}
    assert reasons[32] == "missing_text;missing_label"
    assert reasons[36] == "duplicate"
    assert {1, 35, 3, 37} == {row for row, rules in reasons.items() if rules == "conflicting_label"}
    long = next(line for line in lines if line["row"] == "34")
    assert long["content"] == "x" * 200
    assert long["source"] == "news.csv"
    assert next(line for line in lines if line["row"] == "35")["content"] == "text number 1"


def test_data_docs_load_nothing_from_a_network_and_run_no_script(done: tuple[Workspace, Validated]) -> None:
    pages = content(done[0].validation / "data_docs")
    assert sorted(pages) == ["expectations.html", "index.html"]
    for page in pages.values():
        text = page.decode("utf-8")
        assert not re.search(r"https?://|<script|<link|<img|@import|url\(", text)
        assert "<style>" in text
    index = pages["index.html"].decode("utf-8")
    assert "1 row with fewer than 1 or more than 250 characters: put aside" in index
    assert "Every text has 1 to 250 characters (length, policy quarantine)." in index
    assert 'href="expectations.html"' in index


def test_labels_of_the_data_are_escaped_in_data_docs(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, GOOD)
    check(workspace, rules_of(TEXTS, unknown_label={"policy": "quarantine", "labels": ["autos", "space"]}))
    index = (workspace.validation / "data_docs" / "index.html").read_text(encoding="utf-8")
    assert "<script" not in index
    assert "&lt;script&gt;alert(" in index


def test_two_builds_in_different_folders_are_equal_bytes(done: tuple[Workspace, Validated], tmp_path: Path) -> None:
    again = workspace_of(tmp_path / "elsewhere", [*GOOD, *BAD])
    check(again, RULES)
    assert content(again.validation) == content(done[0].validation)


CONTENTS = st.one_of(
    st.none(), st.sampled_from(["", " ", "a", "b", "c", "d"]), st.text(st.characters(codec="utf-8"), max_size=5)
)
ROWS = st.builds(
    Row,
    source=st.just("a.csv"),
    row=st.integers(1, 99),
    content=CONTENTS,
    label=st.sampled_from([None, "p", "q"]),
    split=st.sampled_from([None, "test"]),
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, min_size=1, max_size=15), policy=st.sampled_from(["fail", "quarantine", "off"]))
def test_great_expectations_finds_the_very_rows_that_pandas_leaves_out(
    rows: list[Row], policy: str, tmp_path: Path
) -> None:
    rules = rules_of(TEXTS, rare_label={"policy": policy, "min_rows": 2}, length={"max_characters": 4})
    workspace = workspace_of(tmp_path, rows)
    table: pd.DataFrame = keyed(read_manifest(workspace.raw), CLASSES.key)
    findings = inspect(table, rules).findings
    aside = {identity for finding in findings if finding.rule.puts_aside for identity in finding.ids}
    derived = rules.derive(table)
    assert aside == set(derived.loc[derived["label_used"].isna(), "id"])
    assert len(derived) == len(rows) == len(aside) + int(derived["label_used"].notna().sum())
