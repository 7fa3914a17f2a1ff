"""Sets of classes out of lists, strings and columns; what cannot be one is refused in one line."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.errors import SourceError
from finetrail.targets.class_sets.reading import from_columns, read

WHERE = "films.csv, row 3: column 'genres'"
NAMES = st.text("abé |,ß", min_size=1, max_size=4).filter(str.strip)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["b", "a", "b"], ("a", "b")),
        (("b", "a"), ("a", "b")),
        ({"b", "a"}, ("a", "b")),
        (frozenset({"b"}), ("b",)),
        ([], ()),
        ([10, 9, 10], ("10", "9")),
        ([1, "1"], ("1",)),
        ([2.0, 3.0], ("2", "3")),
        ([" a", "a"], (" a", "a")),
        (np.array(["b", "a"]), ("a", "b")),
        (np.array([3, 1]), ("1", "3")),
        ([np.int64(3), np.str_("x"), np.float32(2)], ("2", "3", "x")),
        (np.array([]), ()),
        (pa.array([["b", "a"]]).to_pylist()[0], ("a", "b")),
        (pa.array([["b", "a"]]).to_numpy(zero_copy_only=False)[0], ("a", "b")),
        (None, None),
        (float("nan"), None),
        (np.float32("nan"), None),
    ],
)
@pytest.mark.parametrize("delimiter", [None, ","])
def test_a_list_is_a_set_of_its_items(value: object, expected: tuple[str, ...] | None, delimiter: str | None) -> None:
    assert read(WHERE, value, delimiter) == expected


@pytest.mark.parametrize(
    ("value", "delimiter", "expected"),
    [
        ("b,a", ",", ("a", "b")),
        (" b , a,,b ,", ",", ("a", "b")),
        ("b", ",", ("b",)),
        ("", ",", ()),
        (" \t", ",", ()),
        (" , ", ",", ()),
        ("a b", ",", ("a b",)),
        ("a b", " ", ("a", "b")),
        ("science fiction||war", "||", ("science fiction", "war")),
        (np.str_("b;a"), ";", ("a", "b")),
        ("1;0", ";", ("0", "1")),
    ],
)
def test_a_string_is_split_at_the_declared_delimiter(value: str, delimiter: str, expected: tuple[str, ...]) -> None:
    assert read(WHERE, value, delimiter) == expected


@given(st.lists(NAMES, max_size=6))
def test_every_way_to_write_a_set_reads_as_the_same_tuple(names: list[str]) -> None:
    stripped = [name.strip() for name in names]
    expected = tuple(sorted(set(stripped)))
    assert read(WHERE, stripped, None) == expected
    assert read(WHERE, set(stripped), None) == expected
    assert read(WHERE, expected, None) == expected
    assert read(WHERE, np.array(stripped, dtype=object), None) == expected
    assert read(WHERE, ";".join(names), ";") == expected
    columns = sorted({*stripped, "never"})
    assert from_columns(WHERE, {column: int(column in expected) for column in columns}, columns) == expected


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a,b", "holds the string 'a,b'; no delimiter is declared"),
        ("", "holds the string ''; no delimiter is declared"),
        ({"a": 1}, "holds {'a': 1} (dict); a label must be a list of class names"),
        (True, "holds True (bool); a label must be a list"),
        (np.bool_(False), "holds False (bool); a label must be a list"),
        (1.0, "holds 1.0 (float); a label must be a list"),
        (float("inf"), "holds inf (float); a label must be a list"),
        (3, "holds 3 (int); a label must be a list"),
        (b"ab", "holds b'ab' (bytes); a label must be a list"),
        ([["a"]], "holds ['a'] in its list; a class must be a non-empty name"),
        (np.array([["a", "b"]]), "holds ['a', 'b'] in its list; a class must be a non-empty name"),
        (["a", ""], "holds '' in its list; a class must be a non-empty name"),
        (["a", " "], "holds ' ' in its list; a class must be a non-empty name"),
        (["a", None], "holds None in its list"),
        ([True], "holds True in its list"),
        ([1.5], "holds 1.5 in its list"),
        ([float("nan")], "holds nan in its list"),
        ([float("inf")], "holds inf in its list"),
        ([{"a": 1}], "holds {'a': 1} in its list"),
        (["a", "b\ud800"], r"holds 'b\ud800'; a class must be text that can be encoded as UTF-8"),
    ],
)
def test_what_cannot_be_a_set_is_refused_in_one_line(value: object, said: str) -> None:
    with pytest.raises(SourceError, match=f"^{re.escape(WHERE)} {re.escape(said)}[^\n]*$"):
        read(WHERE, value, None)


def test_half_a_character_is_refused_in_a_string_too() -> None:
    with pytest.raises(SourceError, match=r"holds '\\udc80'; a class must be text"):
        read(WHERE, "a;\udc80", ";")


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(SourceError) as caught:
        read(WHERE, "a,b\n" * 1000, None)
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, 0), ("b",)),
        (("0", " 1 "), ("a",)),
        (("0.0", "1.0"), ("a",)),
        ((True, False), ("b",)),
        ((0.0, 1.0), ("a",)),
        ((np.int64(1), np.True_), ("a", "b")),
        ((np.float32(0), "0"), ()),
        ((None, None), None),
        ((None, float("nan")), None),
        (("", " "), None),
    ],
)
def test_columns_of_ones_name_their_classes(values: Sequence[object], expected: tuple[str, ...] | None) -> None:
    record = dict(zip(("b", "a"), values, strict=True)) | {"text": "a film", "unasked": "x"}
    assert from_columns("films.csv, row 3", record, ["b", "a"]) == expected


@pytest.mark.parametrize("value", [2, -1, 0.5, "yes", "", "true", None, float("nan"), [1], float("inf"), b"1"])
def test_a_column_that_holds_neither_0_nor_1_is_refused_by_its_name(value: object) -> None:
    said = re.escape(f"films.csv, row 3: column 'war' holds {value!r}; the column of a class must hold 0 or 1")
    with pytest.raises(SourceError, match=f"^{said}[^\n]*$"):
        from_columns("films.csv, row 3", {"comedy": 1, "war": value}, ["comedy", "war"])


def test_a_class_without_a_column_is_refused() -> None:
    with pytest.raises(SourceError, match=r"^films.csv, row 3: no column 'war' for the class of that name; correct"):
        from_columns("films.csv, row 3", {"comedy": 1}, ["comedy", "war"])
