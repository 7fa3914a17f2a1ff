"""Texts that are to be scored: one a row or several by column; what is none is named, and the others are read."""

import json
from pathlib import Path

import pandas as pd
import pytest

from finetrail.contents.text.received import receive_texts, text_faults, unlabelled_texts
from finetrail.data.sources.unlabelled import Unlabelled
from finetrail.errors import DataError, SourceError

COLUMNS = ("premise", "hypothesis")


def test_a_row_of_a_file_has_its_texts_by_column_or_the_reasons_why_not(tmp_path: Path) -> None:
    rows = [
        {"premise": "it rains", "hypothesis": "it is wet", "id": 7},
        {"premise": "it rains", "hypothesis": ""},
        {"premise": None, "hypothesis": 3},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    pair = {"premise": "it rains", "hypothesis": "it is wet"}
    assert list(unlabelled_texts(path, COLUMNS)) == [
        Unlabelled(1, pair, pair),
        Unlabelled(2, pair | {"hypothesis": ""}, None, "column 'hypothesis': empty text"),
        Unlabelled(
            3,
            {"premise": "", "hypothesis": ""},
            None,
            "column 'premise': no text; column 'hypothesis': '3' is of type int, not text",
        ),
    ]
    assert list(unlabelled_texts(path, ["premise"])) == [
        *[Unlabelled(number, {"premise": "it rains"}, "it rains") for number in (1, 2)],
        Unlabelled(3, {"premise": ""}, None, "no text"),
    ]
    with pytest.raises(SourceError, match=r"a\.jsonl: no column 'claim'; it has 'premise', 'hypothesis', 'id'"):
        list(unlabelled_texts(path, ["premise", "claim"]))


def test_what_is_wrong_with_a_whole_row_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"premise,hypothesis\nit rains\nit rains,caf\xe9\nit rains,wet\n")
    found = list(unlabelled_texts(path, COLUMNS))
    assert [one.problem for one in found] == [
        "1 fields, but the header has 2 (line 2)",
        "column 'hypothesis': byte 0xe9 is not UTF-8",
        "",
    ]
    assert [one.row for one in found] == [1, 2, 3]


def test_a_callers_rows_become_contents() -> None:
    assert receive_texts([{"text": "words"}, {"text": "None"}, {"text": " e\u0301 "}]) == ["words", "None", " e\u0301 "]
    assert receive_texts([{"a": "x", "b": "3"}]) == [{"a": "x", "b": "3"}]
    assert receive_texts([]) == []


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA, pd.NaT])
def test_a_row_without_a_text_is_named(nothing: object) -> None:
    rows: list[dict[str, object]] = [{"premise": "x", "hypothesis": "y"}, {"premise": "x", "hypothesis": nothing}]
    with pytest.raises(DataError, match=r"^row 2 of 2 has no hypothesis; send a text$"):
        receive_texts(rows)
    with pytest.raises(DataError, match=r"^row 1 of 3 has no premise \(and 1 more bad rows\); send a text$"):
        receive_texts([{"premise": nothing, "hypothesis": nothing}, *rows])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", r" has an empty text"),
        (" \u200b\u00a0", r" has an empty text"),
        (3, r": text '3' is of type int, not text"),
        (["a", "b"], r": text .* is of type list, not text"),
        ({"a": 1}, r": text .* is of type dict, not text"),
        (b"words", r": text .* is of type bytes, not text"),
        ("a\ud83d", r": text half of a character"),
    ],
    ids=ascii,
)
def test_what_predict_rejects_a_caller_hears_of_by_row_and_reason(value: object, reason: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"^row 2 of 2{reason}; send a text$"):
        receive_texts([{"text": "fine"}, {"text": value}])
    if not isinstance(value, bytes):
        path = tmp_path / "a.jsonl"
        path.write_text("".join(json.dumps({"text": one}) + "\n" for one in ("fine", value)))
        assert [bool(one.problem) for one in unlabelled_texts(path, ["text"])] == [False, True]


def test_contents_without_a_text_are_known_by_their_place() -> None:
    assert text_faults(["words", " ", {"a": "x", "b": "\u200b"}, {"a": "x", "b": "y"}]) == {
        1: "empty text",
        2: "empty text",
    }
