"""The scored file: answers that are lists or structs are JSON in a cell of CSV, and themselves in other formats."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finetrail.commands.scored import ScoredParts

NESTED = {"labels": "list[string]", "scores": "list[double]", "spans": "list[{label: string, start: long}]"}
LABELS: list[Any] = [["fine", 'a "b",\nü'], []]
SCORES: list[Any] = [[0.5, 1 / 3], []]
SPANS: list[Any] = [[{"label": "PER", "start": 3}], []]
NOBODY = pd.DataFrame({"row": [], "text": [], "reason": []})


def frame_of(texts: list[str], labels: list[Any], scores: list[Any], spans: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame({"text": pd.Series(texts, dtype=str)})
    for name, values in (("labels", labels), ("scores", scores), ("spans", spans)):
        frame[name] = pd.Series(values, dtype=object)
    return frame


def write(target: Path, *frames: pd.DataFrame) -> Path:
    with ScoredParts(target, {}, NESTED) as parts:
        for frame in frames:
            parts.add(frame, NOBODY)
    return target


BOTH = frame_of(["one", "two"], LABELS, SCORES, SPANS)


def test_a_cell_of_csv_holds_json(tmp_path: Path) -> None:
    with write(tmp_path / "a.csv", BOTH).open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["text", "labels", "scores", "spans"]
    assert [row[0] for row in rows] == ["one", "two"]
    assert [[json.loads(cell) for cell in row[1:]] for row in rows] == [
        [LABELS[0], SCORES[0], SPANS[0]],
        [[], [], []],
    ]
    assert "ü" in rows[0][1], "readable, and not escaped"


def test_lines_of_json_hold_lists(tmp_path: Path) -> None:
    lines = write(tmp_path / "a.jsonl", BOTH).read_text(encoding="utf-8").splitlines()
    first, second = map(json.loads, lines)
    assert first["scores"] == pytest.approx(SCORES[0])
    assert (first["labels"], first["spans"]) == (LABELS[0], SPANS[0])
    assert second == {"text": "two", "labels": [], "scores": [], "spans": []}


def test_parquet_holds_lists(tmp_path: Path) -> None:
    found = pq.read_table(write(tmp_path / "a.parquet", BOTH))
    assert found.drop_columns("text").to_pydict() == {"labels": LABELS, "scores": SCORES, "spans": SPANS}
    assert found.schema.field("labels").type == pa.list_(pa.string())
    assert found.schema.field("scores").type == pa.list_(pa.float64())


def test_parts_without_any_element_are_of_the_same_columns_as_the_others(tmp_path: Path) -> None:
    """Nobody can tell from an empty list what it would hold."""
    empty, none = frame_of(["two"], [[]], [[]], [[]]), frame_of([], [], [], [])
    one = frame_of(["one"], LABELS[:1], SCORES[:1], SPANS[:1])
    found = pq.read_table(write(tmp_path / "a.parquet", none, empty, one))
    assert found.to_pydict() == {
        "text": ["two", "one"],
        "labels": [[], LABELS[0]],
        "scores": [[], SCORES[0]],
        "spans": [[], SPANS[0]],
    }
    alone = pq.read_schema(write(tmp_path / "b.parquet", none))
    assert alone.field("spans").type == found.schema.field("spans").type


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_arrays_and_numbers_of_numpy_are_written_as_pythons_own(tmp_path: Path, name: str) -> None:
    frame = frame_of(
        ["one"],
        [np.array(["fine"], dtype=object)],
        [np.array([0.25, 0.5])],
        [[{"label": "PER", "start": np.int64(3)}]],
    )
    own = frame_of(["one"], [["fine"]], [[0.25, 0.5]], [[{"label": "PER", "start": 3}]])
    (tmp_path / "own").mkdir()
    assert write(tmp_path / name, frame).read_bytes() == write(tmp_path / "own" / name, own).read_bytes()


def test_what_is_no_list_is_written_as_before(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ['a "b"\r'], "label": ["[1]"], "score": [0.1]})
    with ScoredParts(tmp_path / "a.csv", {}, {}) as parts:
        parts.add(frame, NOBODY)
    assert (tmp_path / "a.csv").read_bytes() == b'"text","label","score"\n"a ""b""\r","[1]",0.1\n'
