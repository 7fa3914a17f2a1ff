"""A number as a source has it."""

import pytest

from finetrail.data.store.raw import Unreadable
from finetrail.errors import SourceError
from finetrail.targets.numbers.reading import read_number, to_number

WHERE = "homes.csv, row 3"


@pytest.mark.parametrize(
    ("label", "number"),
    [("3", 3.0), ("3.0", 3.0), (" -2.5e-3 ", -0.0025), ("+7", 7.0), (".5", 0.5), ("1E6", 1e6), ("-0", 0.0)],
)
def test_a_number_is_read_as_tables_write_it(label: str, number: float) -> None:
    assert to_number(label) == number
    assert read_number(WHERE, label) == number
    assert str(read_number(WHERE, label)) == str(number), "0 and -0 are one number"


@pytest.mark.parametrize(
    "label", ["", "n/a", "nan", "inf", "-Infinity", "1e999", "1_000", "1,5", "3 m", "٣", "0x1F", None]
)
def test_what_is_no_finite_number_is_none(label: str | None) -> None:
    assert to_number(label) is None


@pytest.mark.parametrize("label", ["n/a", "nan", "1e999", "1,5", float("inf"), float("-inf")])
def test_a_label_that_is_no_finite_number_is_kept_for_a_rule_to_find(label: object) -> None:
    found = read_number(WHERE, label)
    assert isinstance(found, Unreadable)
    assert found == str(label)


@pytest.mark.parametrize("label", [None, float("nan"), "", " \t"])
def test_an_empty_field_is_a_missing_label(label: object) -> None:
    assert read_number(WHERE, label) is None


@pytest.mark.parametrize(("label", "number"), [(3, 3.0), (2.5, 2.5), (-0.0, 0.0), (2**70, float(2**70))])
def test_a_number_is_taken_as_it_is(label: float, number: float) -> None:
    found = read_number(WHERE, label)
    assert type(found) is float
    assert str(found) == str(number)


@pytest.mark.parametrize(
    ("label", "what"), [(True, "a boolean"), ([1.0], "a list"), ({"value": 1}, "a dict"), (b"1", "a bytes")]
)
def test_what_can_be_no_number_is_refused_in_a_line(label: object, what: str) -> None:
    with pytest.raises(SourceError, match=rf"^homes\.csv, row 3: label .* is {what}, but the labels of this task are"):
        read_number(WHERE, label)
