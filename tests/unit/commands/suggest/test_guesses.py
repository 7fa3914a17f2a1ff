"""Which columns `suggest` measures on, of a table that nobody has described."""

from pathlib import Path

import pytest

from finetrail.commands.suggest.guesses import guess_of
from finetrail.errors import ConfigError, SourceError
from tests.unit.starting.given import rows, table, text

ROWS = rows(id=lambda n: n, body=text, kind=lambda n: "ab"[n % 2], shop=lambda n: "xyz"[n % 3])


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.jsonl", "rows.parquet"])
def test_every_kind_of_table_is_read_and_nobody_asked(tmp_path: Path, name: str) -> None:
    found = guess_of(table(tmp_path / name, ROWS))
    assert (found.content, found.label, found.csv) == ("body", "kind", {})
    assert found.said.endswith("characters on average), label is 'kind' (2 distinct values in 60 rows)")


def test_a_column_that_a_person_names_is_taken(tmp_path: Path) -> None:
    path = table(tmp_path / "rows.csv", ROWS)
    assert guess_of(path, label="shop").label == "shop"
    with pytest.raises(ConfigError, match=r"--text 'boddy': rows\.csv has no such column; it has 'id', 'body', 'kind'"):
        guess_of(path, "boddy")


def test_without_a_label_it_says_how_to_name_one(tmp_path: Path) -> None:
    path = table(tmp_path / "rows.csv", rows(id=lambda n: n, body=text))
    with pytest.raises(SourceError, match=r"do not say .*; it has 'id', 'body'; .*--label COLUMN"):
        guess_of(path)


def test_how_a_file_is_written_is_said_where_it_is_not_usual(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("\n".join(f"{row['kind']};{row['body']}" for row in ROWS))
    assert guess_of(tmp_path / "rows.csv").csv == {"delimiter": ";", "quoting": "standard", "header": False}


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("a\n")
    with pytest.raises(SourceError, match="give a CSV, TSV, JSONL or Parquet file"):
        guess_of(tmp_path / "rows.txt")
