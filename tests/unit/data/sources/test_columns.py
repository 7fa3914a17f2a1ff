"""A row out of a table's record: official splits, groups, and texts that can be written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.data.canonical import is_missing
from finetrail.data.sources.columns import OFFICIAL, Columns, Place, row_from
from finetrail.data.store.raw import Row
from finetrail.errors import SourceError

COLUMNS = Columns(group="by", split="part")


def row(by: Any = None, part: Any = None, place: Place = Place("a.csv", 3, None)) -> Row:  # noqa: B008 - it is frozen
    return row_from(place, {"by": by, "part": part}, COLUMNS, "text", 7.5)


def test_content_and_label_stay_as_they_are() -> None:
    assert row("ann", "dev") == Row("a.csv", 3, "text", 7.5, "val", "ann")
    assert row_from(Place("a.csv", 1, None), {}, Columns(), None, None) == Row("a.csv", 1, None, None)


@pytest.mark.parametrize(
    ("value", "group"),
    [
        (7, "7"),
        (7.0, "7"),
        (2.5, "2.5"),
        (True, "True"),
        (" x\u00a0y ", "x y"),
        (None, None),
        (float("nan"), None),
        (" ", None),
    ],
)
def test_a_group_is_a_name_and_a_whole_number_is_one_however_it_is_held(value: Any, group: str | None) -> None:
    assert row(value).group == group


@pytest.mark.parametrize("name", OFFICIAL)
def test_every_usual_name_of_a_split_is_known_and_the_split_of_a_whole_file_goes_first(name: str) -> None:
    assert row(part=name.upper()).split == OFFICIAL[name]
    assert row(part=name, place=Place("a.csv", 1, "test")).split == "test"


@given(st.text().filter(lambda name: name.lower() not in OFFICIAL and not is_missing(name)) | st.integers())
def test_any_other_name_of_a_split_is_refused(name: str | int) -> None:
    with pytest.raises(
        SourceError, match=r"^a\.csv, row 3: (split .* is unknown; use one of train,|column 'part' holds)"
    ):
        row(part=name)


def test_half_a_character_is_refused_with_its_column() -> None:
    with pytest.raises(
        SourceError, match=r"^a\.csv, row 3: column 'by' holds 'a\\ud83d'; it must be text that can be "
    ):
        row("a\ud83d")


def test_metadata_are_kept_by_column_in_the_form_of_a_group() -> None:
    columns = Columns(metadata=["clinic", "age"])
    record = {"clinic": " north ", "age": 41.0, "name": "not kept"}
    found = row_from(Place("a.csv", 1, None), record, columns, "text", 7.5)
    assert found.metadata == {"clinic": "north", "age": "41"}
    assert row_from(Place("a.csv", 1, None), {"age": None}, columns, "", 1).metadata == {"clinic": None, "age": None}
    assert columns.names == ["clinic", "age"]
    with pytest.raises(
        SourceError, match=r"metadata .* is a list, where .*, or give source\.columns\.metadata another"
    ):
        row_from(Place("a.csv", 1, None), {"clinic": ["north"]}, columns, "text", 7.5)


def test_names_are_the_columns_that_a_table_must_have_each_once() -> None:
    assert COLUMNS.names == ["by", "part"]
    assert Columns(group="part", split="part").names == ["part"]
    assert Columns().names == []


@pytest.mark.parametrize("nothing", [None, float("nan"), "", " \u200b"])
def test_a_missing_split_is_no_split_and_a_missing_group_no_group(nothing: object) -> None:
    assert (row(part=nothing).split, row(by=nothing).group) == (None, None)


@pytest.mark.parametrize("value", [["ann"], {"name": "ann"}, b"ann"], ids=str)
def test_what_is_no_group_is_refused_with_its_type(value: object) -> None:
    with pytest.raises(SourceError, match=rf"^a\.csv, row 3: group .* is a {type(value).__name__}, where a name or a"):
        row(value)
