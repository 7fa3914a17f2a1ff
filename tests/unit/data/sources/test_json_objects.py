"""JSON as people have it: one object a line, arrays, pretty-printed objects, missing keys."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.sources import json_objects
from finetrail.data.sources.columns import Record
from finetrail.data.sources.raw_rows import read_raw
from finetrail.data.sources.tables import read_jsonl
from finetrail.errors import SourceError

ROWS = [{"text": "a, [b]", "label": 1}, {"text": "{c}\n", "label": None}]


def read(path: Path, content: str, *columns: str) -> list[Record]:
    path.write_text(content, encoding="utf-8")
    return list(read_jsonl(path, list(columns or ("text", "label"))))


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\ufeff \n" + json.dumps(ROWS, indent=1).replace("\n", "\r\n"),
        "\n".join(json.dumps(row, indent=2) for row in ROWS),
    ],
)
def test_arrays_and_objects_over_several_lines_are_read(tmp_path: Path, content: str) -> None:
    assert read(tmp_path / "a.json", content) == list(enumerate(ROWS, start=1))


@given(st.lists(st.fixed_dictionaries({"text": st.text(), "x": st.floats(allow_nan=False) | st.integers()})))
def test_a_window_smaller_than_a_row_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, written: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "window.json"
    before, json_objects._CHUNK = json_objects._CHUNK, 3
    try:
        for indent in (None, 1):
            assert read(path, json.dumps(written, indent=indent), "text") == list(enumerate(written, start=1))
    finally:
        json_objects._CHUNK = before


def test_a_key_that_some_objects_lack_is_a_missing_value(tmp_path: Path) -> None:
    content = '{"text": "a", "label": "b"}\n{"text": "c"}\n{"label": "d"}\n'
    found = [(record["text"], record["label"]) for _, record in read(tmp_path / "a.jsonl", content)]
    assert found == [("a", "b"), ("c", None), (None, "d")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a"}\n{"text": "b"}\n', r"a\.json: no column 'label'; it has 'text'; set source\.columns$"),
        ('[{"text": "a", "label": 1},\n {"text": ]', r"line 2: not JSON \(Expecting value at column 11\); give one"),
        ('[{"text": "a", "label": 1},\n', r"line 2: not JSON \(Expecting value at column 1\)|the array does not end"),
        ('[{"text": "a", "label": 1}', r"line 1: not JSON \(Expecting ',' or '\]' at column 27\)"),
        ('[{"text": "a", "label": 1}] x', r"line 1: not JSON \(Extra data at column 29\)"),
        ('[{"text": "a", "label": 1}, "x"]', "value 2: holds '\"x\"'; one JSON object per line or per row"),
        ('{"text": "a", "label": 1},\n', r"line 1: not JSON \(Extra data at column 26\); one object per line"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_what_is_broken_is_named_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read(tmp_path / "a.json", content)


def test_the_command_that_takes_wrapped_rows_out_works(tmp_path: Path) -> None:
    import subprocess

    with pytest.raises(SourceError, match=r"no column 'text'; it has 'data'; take its rows out: python -c ") as caught:
        read(tmp_path / "a.json", json.dumps({"data": ROWS}))
    subprocess.run(["bash", "-c", str(caught.value).partition("take its rows out: ")[2]], check=True)
    assert list(read_jsonl(tmp_path / "a-rows.json", ["text"])) == list(enumerate(ROWS, start=1))


def test_utf_16_as_powershell_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes('{"text": "é"}\r\n{"text": "b"}\r\n'.encode("utf-16"))
    assert list(read_jsonl(path, ["text"])) == [(1, {"text": "é"}), (2, {"text": "b"})]


@pytest.mark.parametrize(
    ("value", "why"), [("[" * 100_000 + "]" * 100_000, "recursion"), ("9" * 5_000, "a number of 5,000 digits")]
)
@pytest.mark.parametrize("form", ["lines", "array"])
def test_what_is_too_deep_or_too_long_to_be_read_is_one_line(tmp_path: Path, value: str, why: str, form: str) -> None:
    rows = ['{"text": "a"}', f'{{"text": "b", "more": {value}}}']
    content = "\n".join(rows) if form == "lines" else f"[\n{','.join(rows)}\n]"
    with pytest.raises(SourceError, match=rf"^a.jsonl, line 2: not JSON.*{why}") as caught:
        read(tmp_path / "a.jsonl", content)
    assert "\n" not in str(caught.value)
    if form == "lines":
        (tmp_path / "a.jsonl").write_text(content)
        first, second = read_raw(tmp_path / "a.jsonl", ["text"])
        assert first.text("text") == ("a", "")
        assert why in second.text("text")[1]
