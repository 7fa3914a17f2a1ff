"""A class as a source has it: a name or a whole number, and nothing else passes as one."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.canonical import is_blank
from finetrail.errors import SourceError
from finetrail.targets.classes.reading import read_class, tell_of_whole_numbers
from tests.unit.sections_of import TEXTS, source_of

WHERE = "homes.csv, row 3"


@given(st.text())
def test_a_name_is_taken_as_it_is_and_white_space_is_a_missing_label(name: str) -> None:
    assert read_class(WHERE, name) == (None if is_blank(name) else name)


@pytest.mark.parametrize(
    "label",
    [None, float("nan"), np.float64("nan"), np.datetime64("NaT"), pd.NA, pd.NaT, "", " \t", "\u200b", "\u3000\ufeff"],
)
def test_an_empty_field_is_a_missing_label(label: object) -> None:
    assert read_class(WHERE, label) is None


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_one_class_in_each_way_to_hold_it(number: int) -> None:
    assert read_class(WHERE, number) == read_class(WHERE, float(number)) == str(number)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (
            ["a", "b"],
            r"label \"\['a', 'b'\]\" is a list, but a row has one class; lists of names are for `task: ",
        ),
        (
            ("a",),
            r"label \"\('a',\)\" is a list, but a row has one class; lists of names are for `task: ",
        ),
        (
            {"name": "a"},
            r"label \"\{'name': 'a'\}\" is a mapping, but a row has one class; write one of its values as ",
        ),
        (
            b"a",
            r"label \"b'a'\" is a bytes, but a row has one class; write it as text$",
        ),
        (
            [{"start": 0, "end": 5, "type": "PER"}],
            r"label .* is a list, but a row has one class; spans are the labels of task token-classification$",
        ),
        (date(2026, 1, 2), r"label '2026-01-02' is a date, but a row has one class; write a name$"),
        (
            True,
            r"label True is a boolean, but a class is a name or a whole number; write two names, such as yes and no",
        ),
        (False, r"label False is a boolean"),
        (
            2.5,
            r"label 2\.5 is a number, but a class is a name or a whole number; use a regression task, or write nam",
        ),
        (float("inf"), r"label inf is a number, but a class is a name or a whole number"),
        (Decimal("2.5"), r"label '2\.5' is a Decimal, but a row has one class"),
    ],
)
def test_what_is_no_class_is_refused_in_a_line_with_the_place_and_the_remedy(label: object, message: str) -> None:
    with pytest.raises(SourceError, match=rf"^homes\.csv, row 3: {message}") as caught:
        read_class(WHERE, label)
    assert "\n" not in str(caught.value)


def test_a_long_value_is_not_shown_whole() -> None:
    with pytest.raises(SourceError) as caught:
        read_class(WHERE, ["word"] * 1000)
    assert len(str(caught.value)) < 300


def read(root: Path, labels: Any) -> list[Any]:
    pq.write_table(pa.table({"text": ["x"] * len(labels), "label": labels}), root / "a.parquet")
    return [row.label for row in source_of(TEXTS, path="a.parquet").read(root)]


def test_whole_numbers_of_a_column_with_gaps_are_the_classes_that_they_were(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """pandas and Arrow turn a column of whole numbers with gaps into floats."""
    tell_of_whole_numbers.cache_clear()  # as at the start of a process
    whole, gaps = pa.array([3, None, 4]), pa.array(pd.Series([3, None, 4]))
    assert gaps.type == pa.float64()
    assert read(tmp_path, whole) == read(tmp_path, gaps) == ["3", None, "4"]
    assert read(tmp_path, pa.array([3.0, float("nan")])) == ["3", None]
    assert caplog.messages == ["labels such as 3.0 are taken as whole numbers: 3.0 and 3 are one class"]


@pytest.mark.parametrize(
    "labels",
    [pa.array([["a"], ["b"]]), pa.array([{"a": 1}, {"a": 2}]), pa.array([True, False]), pa.array([1.0, 2.5])],
    ids=["lists", "structs", "booleans", "fractions"],
)
def test_a_column_of_another_kind_is_refused_at_ingest(tmp_path: Path, labels: Any) -> None:
    with pytest.raises(SourceError, match=r"^a\.parquet, row [12]: label .*; (use|write|lists|spans) "):
        read(tmp_path, labels)
