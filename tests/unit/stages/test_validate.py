"""The stage `validate`: what stops it, in which words, and what it then leaves behind."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from finetrail.contents.text.stored import StoredTexts
from finetrail.data.store.content import StoredLabel
from finetrail.data.store.raw import Row, Unreadable, read_manifest, write_rows
from finetrail.errors import ValidationError
from finetrail.sections import sections
from finetrail.stages.validate import Rows, Validated, validate
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.tasks.registry import get_task
from finetrail.workspace import Workspace

pytestmark = pytest.mark.slow

GOOD = [Row("news.csv", n, f"text number {n}", ("autos", "space", "guns")[n % 3]) for n in range(1, 31)]
NUMBERED = [Row("news.csv", n, f"text number {n}", n / 4) for n in range(1, 31)]
BAD = [
    Row("news.csv", 31, None, "autos"),
    Row("news.csv", 32, None, None),
    Row("news.csv", 33, " \n\t", "autos"),
]
RARE = Row("news.csv", 99, "alone", "rare")
RARE_LINE = (
    r"^rule rare_label: 1 row whose label has fewer than 5 rows, for example news\.csv:99 with label 'rare'; "
    r"add rows of that label, or lower validation\.rare_label\.min_rows, or set validation\.rare_label\.policy "
    r"to quarantine; report: \.finetrail/validation-failed/data_docs/index\.html$"
)
ONE_MORE = Row("news.csv", 99, "one more", "autos")
ONE_SIDED = {"class_balance": {"policy": "fail", "max_ratio": 1}}
STRICT = {"max_quarantined": {"policy": "fail", "share": 0.09}}
TWO_ALLOWED = {"unknown_label": {"labels": ["autos", "space"]}}


def workspace_of(root: Path, rows: list[Row], labels: StoredLabel = CLASSES) -> Workspace:
    workspace = Workspace(root)
    workspace.raw.mkdir(parents=True, exist_ok=True)
    write_rows(rows, workspace.raw, StoredTexts(), labels)
    return workspace


def validated_texts(
    workspace: Workspace, rules: dict[str, Any] | None = None, task: str = "text-classification"
) -> Validated:
    """By section `validation` of params.yaml, as the task has it."""
    section: Any = sections(get_task(task)).model_fields["validation"].annotation
    return validate(workspace, section.model_validate(rules or {}), get_task(task).target)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def validated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with an earlier, good result."""
    workspace = workspace_of(tmp_path_factory.mktemp("validated"), GOOD)
    validated_texts(workspace)
    return workspace.root


@pytest.mark.parametrize(
    ("rows", "rules", "message"),
    [
        (
            [*GOOD, RARE],
            {},
            RARE_LINE,
        ),
        (
            [*GOOD, RARE, GOOD[0]],
            {"duplicate": {"policy": "fail"}},
            r"rule duplicate: 1 row .* \(also failed: rare_label\)",
        ),
        (
            [*GOOD, *BAD],
            {"missing_text": {"policy": "fail"}},
            r"rule missing_text: 2 rows without a text.* news\.csv:31 ",
        ),
        (GOOD, TWO_ALLOWED, r"rule unknown_label: 10 rows with a label that is not allowed"),
        ([*GOOD, ONE_MORE], ONE_SIDED, r"rule class_balance: 20 rows .* set validation\.class_balance\.policy to warn"),
        (
            [*GOOD, *BAD],
            STRICT,
            r"^rule max_quarantined: more than 9% .* put aside \(3 of 33, 9%: .*\); correct the source, or raise valid",
        ),
        (
            GOOD[::3],
            {},
            r"rule two_labels: fewer than two labels are left \(label_used: .* found 1\); a classifier needs",
        ),
        (
            BAD,
            {},
            r"all 3 rows are quarantined \(missing_text 2, empty_text 1, missing_label 1\), for example news\.csv:31 ",
        ),
    ],
)
def test_a_failed_rule_stops_with_a_line_and_a_report_and_leaves_the_earlier_result(
    validated: Path, rows: list[Row], rules: dict[str, Any], message: str, tmp_path: Path
) -> None:
    workspace = Workspace(shutil.copytree(validated, tmp_path, dirs_exist_ok=True))
    before = content(workspace.validation)
    workspace_of(tmp_path, rows)
    with pytest.raises(ValidationError, match=message) as caught:
        validated_texts(workspace, rules)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert content(workspace.validation) == before
    failed = workspace.scratch / "validation-failed"
    assert sorted(content(failed)) == [
        "data_docs/expectations.html",
        "data_docs/index.html",
        "quarantine.csv",
        "spellings.json",
        "validation.json",
    ]
    assert json.loads((failed / "validation.json").read_text(encoding="utf-8"))["success"] is False
    assert "failed" in (failed / "data_docs" / "index.html").read_text(encoding="utf-8")


def test_the_report_of_a_failure_goes_when_the_data_is_right_again(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, GOOD[::3])
    with pytest.raises(ValidationError, match="two_labels"):
        validated_texts(workspace)
    workspace_of(tmp_path, GOOD)
    validated_texts(workspace)
    assert not (workspace.scratch / "validation-failed").exists()


def test_a_larger_share_may_be_put_aside_where_params_yaml_says_so(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, [*GOOD, *BAD])
    done = validated_texts(workspace, {"max_quarantined": STRICT["max_quarantined"] | {"share": 0.1}})
    assert done.rows == Rows(ingested=33, quarantined=3, passed=30)
    page = (workspace.validation / "data_docs" / "index.html").read_text("utf-8")
    assert '<span class="good">passed</span>' in page
    assert "The first 3 of 3;" in page
    assert "<td>missing_text, missing_label</td>" in page
    assert page.count('class="bar" style="width: 100.0%"') >= 1


def test_the_page_shows_what_was_put_aside_and_obeys_none_of_it(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> at sea"
    rows = [Row("news.csv", 98, evil, "<b>rare</b>"), *GOOD]
    workspace = workspace_of(tmp_path, rows)
    validated_texts(workspace, {"rare_label": {"policy": "quarantine", "min_rows": 2}})
    page = (workspace.validation / "data_docs" / "index.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; at sea" in page
    assert "&lt;b&gt;rare&lt;/b&gt;" in page
    assert "<script>" not in page
    assert "<b>rare" not in page


def test_a_warning_is_told_and_puts_nothing_aside(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, [*GOOD, ONE_MORE])
    validated = validated_texts(workspace, {"class_balance": {"max_ratio": 1}})
    balance = next(finding for finding in validated.findings if finding.rule.name == "class_balance")
    assert balance.unexpected == 20
    assert balance.message.endswith("a warning only, they are used")
    assert validated.rows == Rows(ingested=31, quarantined=0, passed=31)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda table: table.drop(columns="label"), "no column 'label'"),
        (lambda table: table.drop(columns="id"), "no column 'id'"),
        (lambda table: table.assign(label=range(len(table))), "label: .* found 'int64'"),
        (lambda table: table.assign(words=table["words"].astype("str")), "words: .* found '3'"),
        (lambda table: table.assign(split="dev"), "split: values_to_be_in_set does not hold, found 'dev'"),
        (lambda table: table.assign(id="same"), "id: values_to_be_unique does not hold, found 'same'"),
    ],
)
def test_a_manifest_of_another_schema_stops_the_pipeline(change: Any, detail: str, tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, GOOD)
    change(read_manifest(workspace.raw)).to_parquet(workspace.manifest)
    with pytest.raises(
        ValidationError,
        match=f"rule schema: the manifest is not as `ingest` writes it .*{detail}.*; run `finetrail ingest`",
    ):
        validated_texts(workspace)
    assert (workspace.scratch / "validation-failed" / "data_docs" / "index.html").exists()


def test_labels_of_another_kind_of_task_stop_the_pipeline(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path / "numbers", NUMBERED, NUMBERS)
    with pytest.raises(ValidationError, match=r"rule schema: .*\(label: .* found 'float64'\); run `finetrail ingest`"):
        validated_texts(workspace)
    workspace = workspace_of(tmp_path / "classes", GOOD)
    with pytest.raises(ValidationError, match=r"all 30 rows are quarantined \(numeric_label 30\)"):
        validated_texts(workspace, task="text-regression")


def test_no_rows_at_all_are_no_data(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, GOOD)
    read_manifest(workspace.raw).iloc[:0].to_parquet(workspace.manifest)
    with pytest.raises(ValidationError, match="no row was ingested; give `source` a file with rows"):
        validated_texts(workspace)


@pytest.mark.parametrize(
    ("rows", "rules", "message"),
    [
        (
            [*NUMBERED, Row("news.csv", 31, "cheap", Unreadable("a lot"))],
            {"numeric_label": {"policy": "fail"}},
            r"rule numeric_label: 1 row whose label is not a finite number, .* news\.csv:31 with label 'a lot'; write",
        ),
        (
            NUMBERED,
            {"label_range": {"policy": "fail", "min": 1}},
            r"rule label_range: 3 rows whose label is not a number from 1, for example news\.csv:1 with label '0\.25'",
        ),
        (
            [Row("news.csv", n, f"text number {n}", 2.0) for n in range(9)],
            {},
            r"rule two_labels: fewer than two different numbers are left \(.* found 1\); a regression needs labels",
        ),
        (
            [Row("news.csv", n, f"text number {n}", Unreadable("much")) for n in range(9)],
            {},
            r"all 9 rows are quarantined \(numeric_label 9\), .* news\.csv:0 with label 'much' \(text number 0\); wri",
        ),
    ],
)
def test_a_rule_about_numbers_stops_with_a_line(
    rows: list[Row], rules: dict[str, Any], message: str, tmp_path: Path
) -> None:
    workspace = workspace_of(tmp_path, rows, NUMBERS)
    with pytest.raises(ValidationError, match=message):
        validated_texts(workspace, rules, "text-regression")


def test_numbers_are_described_not_listed(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, [*NUMBERED, Row("news.csv", 31, "cheap", Unreadable("a lot"))], NUMBERS)
    assert validated_texts(workspace, task="text-regression").rows == Rows(ingested=31, quarantined=1, passed=30)
    report = json.loads(workspace.validation_report.read_text(encoding="utf-8"))
    assert report["labels"] == {"rows": 30, "min": 0.25, "mean": 3.875, "max": 7.5}


@pytest.mark.parametrize("policy", ["fail", "merge", "off"])
def test_types_of_spans_are_spelled_in_one_way_too(tmp_path: Path, policy: str) -> None:
    """Also, a span under two spellings, or in a text of another normal form, is no conflict."""
    task = get_task("token-classification")
    texts = [f"Zoé {n} ran" for n in range(12)]
    rows = [(text, 0, 3, "PER") for text in texts] + [("Zoe\u0301 1 ran", 0, 4, "PER"), (" Zoé 2 ran", 1, 4, "per")]
    workspace = Workspace(tmp_path)
    workspace.raw.mkdir(parents=True)
    read = [
        Row("a.jsonl", number, text, task.target.read("a", [{"start": start, "end": end, "type": kind}], None))
        for number, (text, start, end, kind) in enumerate(rows, start=1)
    ]
    write_rows(read, workspace.raw, StoredTexts(), task.target)
    rules = {"label_spelling": {"policy": policy}, "rare_label": {"policy": "off"}}
    if policy == "fail":
        with pytest.raises(
            ValidationError, match=r"rule label_spelling: 1 row .* \('per' for 'PER'\).*\.policy to merge;"
        ):
            validated_texts(workspace, rules, task.name)
        return
    done = validated_texts(workspace, rules, task.name)
    found = {finding.rule.name: finding.unexpected for finding in done.findings if finding.unexpected}
    assert (
        found
        == {
            "merge": {"label_spelling": 1, "duplicate": 2},
            "off": {"conflicting_label": 2, "duplicate": 1, "max_quarantined": 1},
        }[policy]
    )
    merged = json.loads(workspace.spellings.read_text())["merged"]
    assert merged == ({"per": "PER"} if policy == "merge" else {})
