"""Tables row by row: what the standard library writes comes back, and what is broken is named with its line."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.sources.columns import Record
from finetrail.data.sources.dialect import CsvSettings
from finetrail.data.sources.raw_rows import read_raw
from finetrail.data.sources.tables import read_csv, read_jsonl, read_parquet
from finetrail.errors import SourceError
from tests.unit.sections_of import TEXTS as TEXT_TASK
from tests.unit.sections_of import source_of

TEXTS = st.text() | st.text(alphabet="\",;\t\n\r'\\\ufeff a\x00\u2028\x85")
ROWS = st.lists(st.fixed_dictionaries({"text": TEXTS, "label": TEXTS}), max_size=6)


def table(tmp_path: Path, content: str | bytes, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(path: Path, *columns: str, delimiter: str = ",", skip_rows: int = 0) -> list[Record]:
    settings = CsvSettings(delimiter=delimiter, quoting="standard")
    return list(read_csv(path, list(columns) or ["text", "label"], "csv", settings, skip_rows=skip_rows))


@given(ROWS, st.sampled_from([",", "\t", ";"]), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_csv_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, str]], delimiter: str, encoding: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(written)
    assert rows(path, delimiter=delimiter) == list(enumerate(written, start=1))


@given(ROWS, st.booleans())
def test_json_lines_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, str]], ascii_only: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    lines = [json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in written]
    path.write_text("".join(lines), encoding="utf-8", newline="")
    assert list(read_jsonl(path, ["text", "label"])) == list(enumerate(written, start=1))


@given(st.lists(st.fixed_dictionaries({"text": st.none() | TEXTS, "label": st.none() | st.integers(0, 9)})))
def test_parquet_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, Any]]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path_factory.getbasetemp() / "round.parquet"
    schema = pa.schema([("label", pa.int64()), ("text", pa.string())])
    pq.write_table(pa.Table.from_pylist(written, schema), path)
    for at_once in (10_000, 1):
        assert list(read_parquet(path, ["text", "label"], at_once)) == list(enumerate(written, start=1))


def test_quoted_newlines_belong_to_the_field_and_blank_lines_to_nothing(tmp_path: Path) -> None:
    path = table(tmp_path, '\ufefftext,label\r\n"two\nlines",a\r\n\r\n"say ""hi""",b\r\n,c\r\n')
    expected = [("two\nlines", "a"), ('say "hi"', "b"), ("", "c")]
    assert [(row["text"], row["label"]) for _, row in rows(path)] == expected
    assert [number for number, _ in rows(path)] == [1, 2, 3]


def test_further_header_lines_are_passed_over(tmp_path: Path) -> None:
    path = table(tmp_path, "text,label\nstring,discrete\n\nmeta,class\ngood,a\nbad,b\n")
    expected = [(1, {"text": "good", "label": "a"}), (2, {"text": "bad", "label": "b"})]
    assert rows(path, skip_rows=2) == expected
    assert rows(path, skip_rows=9) == []


def test_a_document_longer_than_the_csv_modules_own_limit_is_read(tmp_path: Path) -> None:
    long = "word " * 100_000
    assert rows(table(tmp_path, f"text,label\n{long},a\n")) == [(1, {"text": long, "label": "a"})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            'text,label\ngood,a\n"two\nlines",b\nno, comma,c\n',
            "a.csv, line 5: 3 fields, but the header has 2; quote a field that holds the delimiter, or set source.form",
        ),
        ("text,label\ngood\n", "a.csv, line 2: 1 fields, but the header has 2"),
        ('text,label\ngood,a\n"never closed,b\n', "a.csv, line 3: unexpected end of data; correct the quoting there"),
        ('text,label\n"a"b,c\n', "a.csv, line 2: ',' expected after '\"'; correct the quoting there"),
        ("texts,Label\ngood,a\n", "a.csv: no column 'text'; it has 'texts', 'Label'; set source.columns"),
        ("text,tag\ngood,a\n", "a.csv: no column 'label'; it has 'text', 'tag'; set source.columns"),
        ("text,label,text\na,b,c\n", "a.csv: column 'text' appears twice; rename one, or remove it"),
        (b"text,label\ngood,a\ncaf\xe9,b\n", "a.csv, line 3: byte 0xe9 at column 4 is not UTF-8; as Windows-1252 it "),
        ("\ufeff", "a.csv: no column 'text'; it has none; set source.columns"),
        ("", "a.csv: no column 'text'; it has none; set source.columns"),
    ],
)
def test_a_broken_csv_is_named_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        rows(table(tmp_path, content))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a", "label": "b"}\n\n{"text": ', "line 3: not JSON (Expecting value at column 10); one object per"),
        (
            '{"text": "a", "label": "b"}\n["a", "b"]\n',
            'line 2: holds \'["a", "b"]\'; one JSON object per line or per row',
        ),
        (b'{"text": "a", "label": "b"}\n{"text": "\xff"}', "line 2: byte 0xff at column 11 is not UTF-8"),
    ],
)
def test_a_broken_json_line_is_named_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(SourceError) as caught:
        list(read_jsonl(table(tmp_path, content, "a.jsonl"), ["text", "label"]))
    assert str(caught.value).startswith(f"a.jsonl, {message}")


def test_blank_json_lines_are_passed_over_and_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    path = table(tmp_path, '\ufeff\n{"text": "a"}\n  \n{"text": null}\n')
    assert list(read_jsonl(path, ["text"])) == [(2, {"text": "a"}), (4, {"text": None})]


@pytest.mark.parametrize("damage", ["other", "torn", "inside"])
def test_a_broken_parquet_file_is_refused(tmp_path: Path, damage: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"{n} words" for n in range(999)]}), path)
    whole = path.read_bytes()
    broken = {"other": b"text\nhello\n", "torn": whole[:-20], "inside": whole[:4] + b"\xff" * 99 + whole[103:]}
    path.write_bytes(broken[damage])
    with pytest.raises(
        SourceError, match=r"a\.parquet cannot be read as Parquet \(.*\); write it again or set"
    ) as caught:
        list(read_parquet(path, ["text"]))
    assert "\n" not in str(caught.value)


def test_a_parquet_file_without_the_column_lists_those_it_has(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"body": ["a"], "label": [1]}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"a\.parquet: no column 'text'; it has 'body', 'label'; set source\.columns"):
        list(read_parquet(tmp_path / "a.parquet", ["text"]))


def twice(folder: Path, name: str) -> Path:
    """A table whose column `text` is there twice."""
    path = folder / name
    if name.endswith(".parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = [pa.array([value]) for value in ("x", "y", "a")]
        pq.write_table(pa.Table.from_arrays(columns, ["text", "text", "label"]), path)
    elif name.endswith(".jsonl"):
        path.write_text('{"text": "x", "label": "a", "text": "y"}\n', encoding="utf-8")
    else:
        tab = "\t" if name.endswith(".tsv") else ","
        path.write_text(f"text{tab}text{tab}label\nx{tab}y{tab}a\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_a_column_given_twice_is_refused_in_every_format(tmp_path: Path, name: str) -> None:
    twice(tmp_path, name)
    message = rf"^{name}(, line 1)?: column 'text' appears twice; rename one, or remove it$"
    with pytest.raises(SourceError, match=message):
        list(source_of(TEXT_TASK, path=name).read(tmp_path))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_nor_is_it_scored(tmp_path: Path, name: str) -> None:
    path = twice(tmp_path, name)
    if name == "a.jsonl":  # where each row has keys of its own, reading goes on
        assert [row.text("text") for row in read_raw(path, ["text"])] == [("", "column 'text' appears twice")]
        return
    with pytest.raises(SourceError, match=rf"^{name}: column 'text' appears twice; rename one, or remove it$"):
        list(read_raw(path, ["text"]))


def test_a_key_may_stand_again_in_an_inner_object_and_other_keys_twice(tmp_path: Path) -> None:
    path = table(tmp_path, '{"text": "x", "more": {"text": 1, "text": 2}, "label": "a", "id": 1, "id": 2}\n', "a.jsonl")
    ((number, record),) = read_jsonl(path, ["text", "label"])
    assert (number, record["text"], record["label"]) == (1, "x", "a")
