"""data/corrections.csv: every line is used, counted or named; a bad one is refused in a line, and nothing is lost."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.contents.text.stored import StoredTexts
from finetrail.data.store.corrections import DROP, HEADER, Corrections, counted, read_corrections, say, written
from finetrail.data.store.raw import Row, read_manifest, write_rows
from finetrail.errors import SourceError
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.class_sets.settings import SetColumns
from finetrail.targets.classes import CLASSES
from tests.unit.sections_of import source_of

TEXTS = [f"text {number}" for number in range(6)]
IDS = {text: str(Row("", 1, text, "").sha256)[:16] for text in TEXTS}
SOMEBODY = "Ada"


def corrections(tmp_path: Path, text: str, task: str = "text-classification", **columns: Any) -> Corrections:
    """What a file of that text means. Args: columns: of the source."""
    (tmp_path / "data").mkdir(exist_ok=True)
    file = tmp_path / "data" / "corrections.csv"
    file.write_text(text, encoding="utf-8", newline="")
    source = source_of(task, path="data/input/a.csv", columns=columns)
    labels = source.labels
    return read_corrections(file, lambda where, cell: labels.from_cell(where, cell, source.columns), labels.key)


def ingested(folder: Path, correct: Corrections, rows: list[Row]) -> dict[str, str]:
    """The labels by id."""
    folder.mkdir(exist_ok=True)
    write_rows(rows, folder, StoredTexts(), CLASSES, correct.apply)
    manifest = read_manifest(folder)
    return dict(zip(manifest["id"], manifest["label"], strict=True))


def line(*cells: str) -> str:
    return written([cells])


def test_without_a_file_or_without_lines_nothing_is_corrected(tmp_path: Path) -> None:
    assert read_corrections(tmp_path / "none.csv", lambda where, cell: cell, str).by_id == {}
    assert corrections(tmp_path, HEADER).by_id == {}


def test_labels_are_replaced_rows_dropped_and_the_rest_is_named(tmp_path: Path) -> None:
    rows = [Row("a.csv", at, text, "x") for at, text in enumerate(TEXTS)]
    lines = [
        line(IDS["text 0"], "y", SOMEBODY, "because, she said,\nof two lines"),
        line(IDS["text 1"], DROP, SOMEBODY, ""),
        line(IDS["text 2"], "x", SOMEBODY, "it is right"),
        line("0" * 16, "y", SOMEBODY, ""),
    ]
    known = corrections(tmp_path, HEADER + "".join(lines))
    found = ingested(tmp_path / "raw", known, rows)
    assert found == {IDS[text]: "y" if text == "text 0" else "x" for text in TEXTS if text != "text 1"}
    applied = known.applied()
    assert counted(applied) == "1 replaced, 1 dropped, 1 confirmed, 1 without a row"
    assert say(applied)[1] == (
        f"warning: the source has no row for these corrections: {'0' * 16}; remove those that are obsolete"
    )


@given(
    texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=12),
    wanted=st.dictionaries(st.tuples(st.sampled_from(TEXTS), st.integers(0, 3)), st.sampled_from(["x", "y", DROP])),
)
def test_every_line_is_counted_once_and_ids_stay_whatever_is_dropped(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], wanted: dict[tuple[str, int], str]
) -> None:
    folder = tmp_path_factory.mktemp("corrected")
    rows = [Row("a.csv", at, text, "x") for at, text in enumerate(texts)]
    before = ingested(folder / "before", Corrections(), rows)
    lines = {IDS[text] + (f"-{nth}" if nth else ""): label for (text, nth), label in wanted.items()}
    known = corrections(folder, HEADER + "".join(line(row, label, SOMEBODY, "") for row, label in lines.items()))
    after = ingested(folder / "after", known, rows)
    assert after == {row: lines.get(row, label) for row, label in before.items() if lines.get(row) != DROP}
    applied = known.applied()
    assert applied["dropped"] == len(before) - len(after)
    assert applied["unknown"] == sorted(set(lines) - set(before))
    assert sum(applied[name] for name in ("replaced", "dropped", "confirmed")) == len(lines) - len(applied["unknown"])


FIRST = line(IDS["text 0"], "y", SOMEBODY, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,label,who,why,when\n", r"data/corrections.csv has the column 'when'; its columns are id, label, who, why"),
        ("id,label,who\n", r"data/corrections.csv has no column 'why'; write id,label,who,why as its first line"),
        ("", r"has no column 'id'; write id,label,who,why as its first line"),
        ("id,label,who,why,id\n", r"names a column twice"),
        (HEADER + "abc,y,Ada,\n", r"line 2: 'abc' is no row's id; copy one from a report or from `finetrail review`"),
        (HEADER + line(IDS["text 0"], "y", " ", ""), r"line 2 does not say who decided; write a name into column who"),
        (HEADER + line(IDS["text 0"], "", SOMEBODY, ""), r"line 2 has no label; write one, or drop"),
        (
            HEADER + FIRST + "\n" + line(IDS["text 0"], "z", "Bob", ""),
            r"line 4: row \w+ is 'z' here, but 'y' in ",
        ),
        (HEADER + FIRST + line(IDS["text 0"], DROP, "Bob", ""), r"line 3: row \w+ is 'drop' here, but 'y' in line 2"),
        (HEADER + "x,y\n", r"line 2 has 2 cells, but the header has 4; quote a cell that has a comma"),
        (HEADER + 'x,"y\n', r"line 2: unexpected end of data; quote the cell as CSV does"),
        (HEADER + "abc,y,A,\nabd,y,A,\nabe,y,A,\n", r"line 2: 'abc' is no .* \(also faulty: lines 3, 4\)"),
        (HEADER + 'abc,y,A,"two\nlines"\nabd,y,A,\n', r"line 2: 'abc' is no .* \(also faulty: line 4\)"),
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_a_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        corrections(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "corrections.csv"
    file.write_bytes(HEADER.encode() + b"\xff")
    with pytest.raises(SourceError, match="byte 17 is not UTF-8; save the file as UTF-8"):
        read_corrections(file, lambda where, cell: cell, str)


def test_the_same_decision_twice_is_one_and_excel_may_have_saved_the_file(tmp_path: Path) -> None:
    text = "\ufeff" + (HEADER + FIRST + FIRST).replace("\n", "\r\n")
    assert list(corrections(tmp_path, text).by_id) == [IDS["text 0"]]


@pytest.mark.parametrize(
    ("task", "columns", "cell", "label"),
    [
        ("text-regression", {}, "3.50", 3.5),
        ("token-classification", {}, '[[0, 4, "PER"]]', [{"start": 0, "end": 4, "type": "PER"}]),
        (
            "token-classification",
            {},
            '[{"start": 0, "end": 4, "type": "PER"}]',
            [{"start": 0, "end": 4, "type": "PER"}],
        ),
        ("token-classification", {}, "[]", []),
    ],
)
def test_labels_of_other_kinds_are_read(
    tmp_path: Path, task: str, columns: dict[str, Any], cell: str, label: object
) -> None:
    known = corrections(tmp_path, HEADER + line(IDS["text 0"], cell, SOMEBODY, ""), task, **columns)
    assert known.apply(IDS["text 0"], None) == (True, label)


@pytest.mark.parametrize(
    ("task", "cell", "message"),
    [
        ("text-regression", "much", r"line 2: 'much' is no label of this task; write one, or drop"),
        ("token-classification", "PER", r"line 2 holds 'PER', but a label of this task is written as a JSON list"),
        ("token-classification", '[[0, "PER"]]', r"line 2: span .* has no whole numbers `start` and `end`"),
    ],
)
def test_a_label_of_another_kind_is_refused(tmp_path: Path, task: str, cell: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        corrections(tmp_path, HEADER + line(IDS["text 0"], cell, SOMEBODY, ""), task)


def test_sets_are_lists_or_as_the_source_has_them() -> None:
    by_delimiter = SetColumns(label="labels", delimiter=";")
    assert CLASS_SETS.from_cell("here", "b; a", by_delimiter) == ("a", "b")
    assert CLASS_SETS.from_cell("here", '["b", "a"]', by_delimiter) == ("a", "b")
    assert CLASS_SETS.from_cell("here", "[]", by_delimiter) == ()
    by_column = SetColumns(label=("a", "b"))
    assert CLASS_SETS.from_cell("here", '["a"]', by_column) == ("a",)
    with pytest.raises(SourceError, match="here holds 'c', but the columns of the classes are a, b; use these"):
        CLASS_SETS.from_cell("here", '["c"]', by_column)
    with pytest.raises(SourceError, match="declare one, or store lists"):
        CLASS_SETS.from_cell("here", "a", by_column)


def test_what_is_written_is_read_back() -> None:
    cells = ("id", 'a "quoted", label', "Zoë", "two\nlines")
    assert [tuple(row) for row in csv.reader(io.StringIO(written([cells])))] == [cells]
