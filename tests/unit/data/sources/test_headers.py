"""Which columns a table has, told by its first lines; a file that cannot be read has none."""

from pathlib import Path

import pytest

from finetrail.data.sources.dialect import AUTO, CsvSettings
from finetrail.data.sources.headers import has_columns

FILES = {
    "a.csv": "a,b\n1,2\n",
    "semi.csv": "a;b\n1;2\n",
    "a.tsv": "a\tb\n1\t2\n",
    "a.jsonl": '\n{"a": 1, "b": 2}\nnot JSON\n',
    "array.jsonl": '[\n{"a": 1,\n "b": 2}]',
}


@pytest.mark.parametrize("name", FILES)
def test_a_table_has_the_columns_of_its_first_lines(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(FILES[name])
    kind = path.suffix.removeprefix(".")
    assert has_columns(path, kind, AUTO, ["a"])
    assert has_columns(path, kind, AUTO, ["b", "a"])
    assert not has_columns(path, kind, AUTO, ["a", "c"])


def test_without_a_header_columns_are_positions(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n")
    without = CsvSettings(header=False)
    assert has_columns(tmp_path / "a.csv", "csv", without, ["1", "2"])
    assert not has_columns(tmp_path / "a.csv", "csv", without, ["x"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.parquet", b"a,b\n"),
        ("a.jsonl", b"{"),
        ("a.jsonl", b""),
        ("a.jsonl", b"3\n"),
        ("a.csv", b""),
        ("a.csv", b'"a\n'),
        ("a.csv", b"\xff\xfe\x00"),
    ],
)
def test_a_file_that_cannot_be_read_has_none(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert not has_columns(tmp_path / name, name.partition(".")[2], AUTO, ["a"])
