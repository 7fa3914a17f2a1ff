"""One column of a table that may be damaged: each row comes as its text or with the reason why it has none."""

import csv
import json
from pathlib import Path
from typing import Literal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.canonical import is_blank
from finetrail.data.sources.dialect import CsvSettings
from finetrail.data.sources.raw_rows import read_raw
from finetrail.errors import SourceError

Field = tuple[int, str, str]
TEXTS = st.lists(st.text(alphabet="\",;\t\n\r'\\\ufeff a\x00\u2028\x85é🚀") | st.text(), max_size=6)


def read(path: Path, content: bytes | None = None, quoting: Literal["auto", "standard"] = "auto") -> list[Field]:
    if content is not None:
        path.write_bytes(content)
    found = read_raw(path, ["text"], settings=CsvSettings(quoting=quoting))
    return [(row.number, *row.text("text")) for row in found]


@given(TEXTS, st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]))
def test_whole_tables_come_back_but_for_empty_texts(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"salvaged{suffix}"
    if suffix == ".parquet":
        pd.DataFrame({"text": pd.Series(texts, dtype=str)}).to_parquet(path)
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t" if suffix == ".tsv" else ",")
            writer.writerows([["id", "text"], *enumerate(texts)])
    assert read(path, quoting="standard") == [
        (number, text, "") if not is_blank(text) else (number, "", "empty text")
        for number, text in enumerate(texts, start=1)
    ]


def test_a_damaged_csv_file(tmp_path: Path) -> None:
    content = b'id,text\n1,good\n2,caf\xe9\n\xe9,"two\nlines"\n4\n5,a,b\n\n6, \n7,last'
    assert read(tmp_path / "a.csv", content) == [
        (1, "good", ""),
        (2, "", "byte 0xe9 is not UTF-8"),
        (3, "two\nlines", ""),
        (4, "", "1 fields, but the header has 2 (line 6)"),
        (5, "", "3 fields, but the header has 2 (line 7)"),
        (6, "", "empty text"),
        (7, "last", ""),
    ]


def test_damaged_json_lines(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"text": "first"}',
        b"",
        b'{"text": "caf\xe9"}',
        b'{"text": ',
        b"[1]",
        b'{"body": "x"}',
        b'{"text": 3}',
        b'{"text": "\\ud800"}',
        b"[" * 100_000,
        b'{"text": "last"}',
    ]
    found = read(tmp_path / "a.jsonl", b"\n".join(lines))
    assert [row for row, _, _ in found] == [1, 3, 4, 5, 6, 7, 8, 9, 10]
    assert [text for _, text, problem in found if not problem] == ["first", "last"]
    assert [problem.split(" (")[0] for _, _, problem in found if problem] == [
        "byte 0xe9 is not UTF-8",
        "not JSON",
        "not a JSON object",
        "no text",
        "'3' is of type int, not text",
        "half of a character",
        "not JSON",
    ]


def test_a_parquet_file_of_numbers_and_nulls(tmp_path: Path) -> None:
    pd.DataFrame({"text": pd.Series([1, None], dtype="Int64")}).to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [(1, "", "'1' is of type int, not text"), (2, "", "no text")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"body\nx\n", r"^a.csv: no column 'text'; it has 'body'; set source.columns, or give --column$"),
        ("a.csv", b"text,text\nx,y\n", r"^a.csv: column 'text' appears twice; rename one, or remove it$"),
        (
            "a.csv",
            b'id,text\n1,"a,b"\n2,"a\n',
            r"^a.csv, line 3: unexpected end of data; correct the quoting there, or set source\.csv",
        ),
        ("a.jsonl", b'{"body": 1}\n{}\n', r"^a.jsonl: no column 'text'; it has 'body'; set"),
        ("a.parquet", b"PAR1", r"^a.parquet cannot be read as Parquet \("),
    ],
)
def test_what_is_broken_as_a_whole(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(tmp_path / name, content)
