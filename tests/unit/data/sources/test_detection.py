"""How a CSV file is written: detected where only one reading is possible, and refused where there are two."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from finetrail.data.sources.columns import Record
from finetrail.data.sources.dialect import AUTO, CsvSettings
from finetrail.data.sources.tables import read_csv
from finetrail.errors import SourceError

LONE = ["text\tlabel", "bake bread\ta", '"quoted start\tb', "no more\ta"]
PAIRED = [*LONE, 'and an end"\tb', "last\ta"]


def rows(path: Path, content: str | bytes, columns: str = "text label", **settings: Any) -> tuple[list[Record], str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    notes: list[str] = []
    kind = "tsv" if path.suffix == ".tsv" else "csv"
    found = list(read_csv(path, columns.split(), kind, CsvSettings(**settings), tell=notes.append))
    return found, notes[0]


def texts(found: list[Record], column: str = "text") -> list[str]:
    return [record[column] for _, record in found]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_the_delimiter_is_the_one_that_finds_the_columns(tmp_path: Path, name: str, delimiter: str) -> None:
    content = f"text{delimiter}label\r\ngood, really: fine{delimiter}a\r\n".replace(
        ", ", ", " if delimiter != "," else " "
    )
    found, note = rows(tmp_path / name, content)
    assert [record["label"] for _, record in found] == ["a"]
    shown = "tab" if delimiter == "\t" else f"'{delimiter}'"
    assert note == f"{name}: delimiter {shown}, quoting standard, a header, utf-8; 2 lines = 1 above the rows + 1 rows"


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n", "\ufeffsep=;\r\n"])
def test_the_line_of_excel_names_the_delimiter_and_is_no_row(tmp_path: Path, first: str) -> None:
    found, note = rows(tmp_path / "a.csv", f"{first}text;label\r\ngood, fine;a\r\n")
    assert found == [(1, {"text": "good, fine", "label": "a"})]
    assert note.endswith("3 lines = 2 above the rows + 1 rows")


def test_two_delimiters_that_fit_are_refused_and_the_setting_decides(tmp_path: Path) -> None:
    content = "1,5;2,5\n3,5;4,5\n"
    with pytest.raises(
        SourceError, match=r"a\.csv can be divided by ',' and by ';'; set source\.csv\.delimiter to one"
    ):
        rows(tmp_path / "a.csv", content, "1 2", header=False)
    assert rows(tmp_path / "a.csv", content, "1 2", header=False, delimiter=";")[0][0] == (1, {"1": "1,5", "2": "2,5"})


def test_a_file_without_a_header_has_columns_by_position(tmp_path: Path) -> None:
    content = '"3","Wall St. Bears, Again","Short-sellers\nare back."\n"4","Title","Text"\n'
    found, note = rows(tmp_path / "a.csv", content, "1 2 3", header=False)
    assert found[0] == (1, {"1": "3", "2": "Wall St. Bears, Again", "3": "Short-sellers\nare back."})
    assert note.endswith("no header, utf-8; 3 lines = 2 rows + 1 inside quoted fields")
    with pytest.raises(
        SourceError, match=r"no column 'text'; source\.csv\.header is false, so its 3 columns are called"
    ):
        rows(tmp_path / "a.csv", content, "text", header=False)
    with pytest.raises(
        SourceError, match=r"if that line is a row already, set source\.csv\.header to false and source"
    ):
        rows(tmp_path / "a.csv", content)


def test_a_lone_quote_is_text_if_every_line_is_a_row(tmp_path: Path) -> None:
    found, note = rows(tmp_path / "a.tsv", "\n".join(LONE) + "\n")
    assert texts(found) == ["bake bread", '"quoted start', "no more"]
    assert "quoting none" in note


def test_quotes_that_may_swallow_rows_are_refused_and_both_settings_work(tmp_path: Path) -> None:
    content = "\n".join(PAIRED)
    message = (
        r"^a\.tsv, line 3: a quote begins a field and does not end it in that line; it is part of the text \(then 5 "
        r"rows: "
        r"set source\.csv\.quoting to none\), or encloses a field \(then 3 rows: set it to standard\)$"
    )
    with pytest.raises(SourceError, match=message):
        rows(tmp_path / "a.tsv", content)
    plain, note = rows(tmp_path / "a.tsv", content, quoting="none")
    assert len(plain) == 5
    assert note.endswith("6 lines = 1 above the rows + 5 rows")
    joined, note = rows(tmp_path / "a.tsv", content, quoting="standard")
    assert texts(joined)[1] == "quoted start\tb\nno more\ta\nand an end"
    assert note.endswith("6 lines = 1 above the rows + 3 rows + 2 inside quoted fields")


def test_a_lone_quote_beside_quoted_fields_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"a\.csv, line 3: .* or encloses a field \(as line 2 has: set it to standard\)"
    ):
        rows(tmp_path / "a.csv", 'text,label\n"good",a\n"never closed,b\n')
    with pytest.raises(
        SourceError, match=r"line 3: unexpected end of data; correct the quoting there, or set source\."
    ):
        rows(tmp_path / "a.csv", 'text,label\n"good, fine",a\n"never closed,b\n')


@pytest.mark.parametrize(
    "content",
    [
        'text,label\n"two\nlines, and a comma",a\n',
        '"text","label"\n"one, line\nof two",a\n',
        'text,label\n"good ""door""",a\nsays "hi",b\n',
    ],
)
def test_quoted_fields_are_what_they_are(tmp_path: Path, content: str) -> None:
    found, note = rows(tmp_path / "a.csv", content)
    assert "quoting standard" in note
    assert not texts(found)[0].startswith('"')


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_byte_order_mark_names_the_encoding(tmp_path: Path, encoding: str) -> None:
    found, _ = rows(tmp_path / "a.csv", "text\tlabel\r\n“ok” 5 €\ta\r\n".encode(encoding))
    assert texts(found) == ["“ok” 5 €"]


def test_windows_1252_is_shown_and_read_once_it_is_named(tmp_path: Path) -> None:
    content = "text,label\n“ok” 5 €,a\n".encode("windows-1252")
    with pytest.raises(
        SourceError, match=r"as Windows-1252 it says '“ok” 5 €,a'; if that is right, set source\.csv\."
    ) as e:
        rows(tmp_path / "a.csv", content)
    assert str(e.value).endswith("set source.csv.encoding to windows-1252")
    assert texts(rows(tmp_path / "a.csv", content, encoding="windows-1252")[0]) == ["“ok” 5 €"]


def test_utf_16_without_a_mark_and_an_encoding_that_is_not_the_files(tmp_path: Path) -> None:
    content = "text,label\né,a\n".encode("utf-16-le")
    with pytest.raises(SourceError, match=r"looks like utf-16-le, not UTF-8; set source\.csv\.encoding to utf-16-le$"):
        rows(tmp_path / "a.csv", content)
    assert texts(rows(tmp_path / "a.csv", content, encoding="utf-16-le")[0]) == ["é"]
    with pytest.raises(SourceError, match=r"a\.csv is not ascii \(.*\); correct source\.csv\.encoding$"):
        rows(tmp_path / "a.csv", "text,label\né,a\n", encoding="ascii")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_add_up_whatever_ends_them(tmp_path: Path, ends: str) -> None:
    for last in ("", ends):
        _, note = rows(tmp_path / "a.csv", ends.join(["text,label", "a,b", "", '"c', 'd, e",f']) + last)
        assert note.endswith("5 lines = 1 above the rows + 2 rows + 1 blank + 1 inside quoted fields")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"delimiter": ";;"}, "';;' is not one character"),
        ({"encoding": "klingon"}, "encoding 'klingon' is unknown; use utf-8"),
        ({"encoding": "base64"}, "encoding 'base64' is unknown"),
        ({"quoting": "some"}, "Input should be 'auto', 'standard' or 'none'"),
        ({"separator": ","}, "unknown key 'separator'"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CsvSettings(**settings)
    assert CsvSettings() == AUTO
