"""Data that cannot be used: one line with file, line and remedy; the earlier results stay as they are."""

import pytest

from finetrail.workspace import read_json
from tests.conftest import ToyRow, toy_rows, write_csv
from tests.pipeline.workspaces import CSV, Sandbox, contents

HEADER = b"text,label,split\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "'data/input/toy.csv' does not exist (looked for "),
        (b"", "toy.csv is empty (0 bytes); it needs the columns text, label, split and some rows"),
        (HEADER, "toy.csv has no rows, only a header; add labelled examples"),
        (b"body,label,split\na,b,train\n", "toy.csv: no column 'text'; it has 'body', 'label', 'split'; set source"),
        (HEADER + b"one,sailing,train\ncaf\xe9 two,sailing,train\n", "toy.csv, line 3: byte 0xe9 at column 4 is not"),
        (HEADER + b"one,sailing,train\ntwo, three,sailing,train\n", "toy.csv, line 3: 4 fields, but the header has 3"),
        (
            HEADER + b'"one, more",sailing,train\n"two,sailing,train\n',
            "toy.csv, line 3: unexpected end of data; correct",
        ),
        (HEADER + b'"one",sailing,train\n"two,sailing,train\n', "toy.csv, line 3: a quote begins a field and does not"),
        (HEADER + b"one,sailing,trian\n", "toy.csv, row 1: split 'trian' is unknown; use one of train, training"),
    ],
)
def test_a_source_that_cannot_be_read(plain: Sandbox, content: bytes | None, message: str) -> None:
    before = contents(plain.paths.raw)
    if content is None:
        (plain.root / CSV).unlink()
    else:
        (plain.root / CSV).write_bytes(content)
    done = plain.finetrail("ingest")
    assert done.code == 3
    assert done.error.startswith(f"SourceError: {message}")
    assert contents(plain.paths.raw) == before


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [row for row in toy_rows() if row["label"] == "sailing"],
            "rule two_labels: fewer than two labels are left (label_used: ",
        ),
        (
            [*toy_rows(), ToyRow(text="checkmate in three moves", label="chess", split="train")],
            "rule rare_label: 1 row whose label has fewer than 5 rows, for example toy.csv:240 with label 'chess'; add",
        ),
        (
            [ToyRow(text="  ", label="sailing", split="train")] * 10,
            "all 10 rows are quarantined (empty_text 10), for example toy.csv:1 with label 'sailing'; correct",
        ),
    ],
    ids=["one class", "a class with one row", "all quarantined"],
)
def test_rows_that_are_not_fit_to_train_on(plain: Sandbox, rows: list[ToyRow], message: str) -> None:
    before = contents(plain.paths.validation)
    write_csv(plain.root / CSV, rows)
    assert plain.finetrail("ingest").code == 0
    done = plain.finetrail("validate")
    assert done.code == 3
    assert done.error.startswith(f"ValidationError: {message}")
    assert contents(plain.paths.validation) == before
    # The report says more, and where it lies.
    report = plain.root / ".finetrail" / "validation-failed" / "data_docs" / "index.html"
    assert done.error.endswith(f"report: {report.relative_to(plain.root)}")
    assert report.exists()


def test_a_class_with_one_row_can_be_put_aside(plain: Sandbox) -> None:
    write_csv(plain.root / CSV, [*toy_rows(), ToyRow(text="checkmate in three", label="chess", split="train")])
    plain.edit("validation.rare_label.policy", "quarantine")
    for stage in ("ingest", "validate", "split"):
        assert plain.finetrail(stage).code == 0
    assert read_json(plain.paths.validation_report)["rows"] == {"ingested": 240, "passed": 236, "quarantined": 4}
    assert read_json(plain.paths.split_report)["labels"] == ["cooking", "sailing", "weather"]


def test_a_class_with_one_row_that_was_let_through_stops_the_split(plain: Sandbox) -> None:
    write_csv(plain.root / CSV, [*toy_rows(), ToyRow(text="checkmate in three", label="chess", split="test")])
    plain.edit("validation.rare_label.policy", "off")
    for stage in ("ingest", "validate"):
        assert plain.finetrail(stage).code == 0
    before = contents(plain.paths.splits)
    done = plain.finetrail("split")
    assert done.code == 3
    assert done.error.startswith("SplitError: ")
    assert "'chess'" in done.error
    assert contents(plain.paths.splits) == before
