"""Texts in the shards: one a row as a string, several as a struct with the names of their columns."""

import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.contents.text.stored import StoredTexts, in_a_line, parts
from finetrail.data.splitting.buckets import distribute
from finetrail.data.store.raw import Row, read_manifest, write_rows
from finetrail.data.store.shards import Contents, Most, columns_of, pick
from finetrail.targets.classes import CLASSES

COLUMNS = ("premise", "text", "a.b")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
ROWS = st.lists(st.none() | st.fixed_dictionaries(dict.fromkeys(COLUMNS, TEXTS)), min_size=1, max_size=8)


def write(folder: Path, contents: list[dict[str, str] | None]) -> list[str]:
    """The ids of the rows."""
    rows = [Row("a.csv", number, content, "x") for number, content in enumerate(contents, start=1)]
    write_rows(rows, folder, StoredTexts(COLUMNS), CLASSES, batch_of=Most(3, 2**20), shard_of=Most(5, 2**20))
    return list(read_manifest(folder)["id"])


@given(ROWS)
def test_texts_by_column_come_back_in_the_order_of_the_columns(
    tmp_path_factory: pytest.TempPathFactory, contents: list[dict[str, str] | None]
) -> None:
    folder = tmp_path_factory.mktemp("raw")
    ids = write(folder, contents)
    assert pq.read_schema(folder / "part-00000.parquet").field("text").type == pa.struct(
        [(name, pa.string()) for name in COLUMNS]
    )
    assert columns_of(folder, "text") == COLUMNS
    found = list(Contents(folder, "text"))
    assert found == contents
    assert all(tuple(content) == COLUMNS for content in found if content is not None)
    assert pick(folder, "text", ids[::2]) == dict(list(zip(ids, contents, strict=True))[::2])


def test_texts_by_column_are_carried_into_the_splits(tmp_path: Path) -> None:
    contents = [dict(zip(COLUMNS, (f"one {n}", "same", ""), strict=True)) for n in range(20)]
    raw, folders = tmp_path / "raw", [tmp_path / "even", tmp_path / "odd"]
    for folder in (raw, *folders):
        folder.mkdir()
    ids = write(raw, [*contents])
    splits, sizes = np.arange(20) % 2, np.ones(20, dtype=np.int64)
    distribute(raw, "text", ids, sizes=sizes, splits=splits, folders=folders)
    for split, folder in enumerate(folders):
        assert columns_of(folder, "text") == COLUMNS
        expected = sorted(zip(ids[split::2], contents[split::2], strict=True), key=lambda row: row[0])
        assert list(Contents(folder, "text")) == [content for _, content in expected]


def test_one_column_is_stored_as_a_string_under_the_name_of_contents(tmp_path: Path) -> None:
    assert columns_of(tmp_path, "text") == ("text",)
    write_rows([Row("a.csv", 1, "words", "x")], tmp_path, StoredTexts(("Body",)), CLASSES)
    assert pq.read_schema(tmp_path / "part-00000.parquet").field("text").type == pa.string()
    assert columns_of(tmp_path, "text") == ("text",)


def test_where_one_text_ends_and_the_next_begins_is_part_of_a_row(tmp_path: Path) -> None:
    halves = [("ab", "c"), ("a", "bc"), ("ab", "c"), ("c", "ab"), ("abc", "")]
    ids = write(tmp_path, [dict(zip(COLUMNS, (*pair, "x"), strict=True)) for pair in halves])
    assert len({name.split("-")[0] for name in ids}) == 4
    assert ids[2] == f"{ids[0]}-1"


def test_the_facts_of_a_row_are_of_all_its_texts() -> None:
    hashes = [
        {"canonical": sha256(json.dumps(texts).encode()).hexdigest()}
        for texts in (["größer als", "eins"], ["x y z", ""])
    ]
    described = StoredTexts(("a", "b")).describe([{"a": "größer  als", "b": "eins"}, {"a": "x y z", "b": " "}, None])
    assert described == [
        {"characters": 15, "shortest": 4, "longest": 11, "words": 1} | hashes[0],
        {"characters": 6, "shortest": 1, "longest": 5, "words": 0} | hashes[1],
        {"characters": None, "shortest": None, "longest": None, "words": None, "canonical": None},
    ]
    (one,) = StoredTexts().describe(["größer  als"])
    assert {**one, "canonical": ""} == {
        "characters": 11,
        "shortest": 11,
        "longest": 11,
        "words": 2,
        "canonical": "",
    }


def test_the_canonical_hash_is_that_of_all_texts_that_look_the_same() -> None:
    texts = ["Été 10 km", "E\u0301te\u0301 10\u00a0km ", "Été\u200b 10 km", "Été 10 km."]
    hashes = [facts["canonical"] for facts in StoredTexts().describe(texts)]
    assert hashes[0] == hashes[1] == hashes[2] != hashes[3]


def test_invisible_characters_are_no_words() -> None:
    texts = ["\u200b\u200b", "\ufeff", "\u2060\u200d", "\u3000\u00a0", "\u00ad", "a \u200b b"]
    assert [facts["words"] for facts in StoredTexts().describe(texts)] == [0, 0, 0, 0, 0, 2]


def test_people_see_the_start_of_all_texts_in_a_line() -> None:
    assert in_a_line({"a": "one\ntwo", "b": " three"}, 200) == "one two | three"
    assert in_a_line({"a": "one\ntwo", "b": "three"}, 5) == "one t"
    assert in_a_line(None, 5) == ""
    assert parts({"b": "x", "a": "y"}) == ["x", "y"]
