"""Classes that the source has as numbers get names, and everything after it knows the names alone."""

from typing import Any

import pytest
from pydantic import ValidationError

from finetrail.errors import SourceError
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.class_sets.settings import SetColumns
from finetrail.targets.classes import CLASSES
from finetrail.targets.classes.settings import LabelColumns

NAMES: Any = {1: "World", 2: "Sports"}  # as YAML reads it


@pytest.mark.parametrize("found", [1, 1.0, "1", "World"])
def test_a_class_has_its_name(found: object) -> None:
    assert CLASSES.read("row 3", found, LabelColumns(id2label=NAMES)) == "World"


def test_sets_have_their_names_in_the_source_and_in_corrections() -> None:
    lists, strings = SetColumns(id2label=NAMES), SetColumns(id2label=NAMES, delimiter=";")
    assert CLASS_SETS.read("row 3", [2, 1], lists) == ("Sports", "World")
    assert CLASS_SETS.read("row 3", "2; 1", strings) == ("Sports", "World")
    assert CLASS_SETS.from_cell("row 3", '["World"]', lists) == ("World",)
    assert CLASS_SETS.read("row 3", [], lists) == ()


def test_a_missing_label_stays_missing() -> None:
    assert CLASSES.read("row 3", None, LabelColumns(id2label=NAMES)) is None
    assert CLASS_SETS.read("row 3", None, SetColumns(id2label=NAMES)) is None


def test_a_class_without_a_name_is_refused_until_it_has_one() -> None:
    with pytest.raises(
        SourceError, match=r"row 3: class '3' is not in source\.columns\.id2label, which has 1, 2; add it"
    ):
        CLASSES.read("row 3", 3, LabelColumns(id2label=NAMES))
    assert CLASSES.read("row 3", 3, LabelColumns(id2label=NAMES | {3: "Business"})) == "Business"


def test_two_classes_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two classes are called 'World'"):
        LabelColumns(id2label=NAMES | {3: "World"})


def test_names_of_columns_are_the_classes_names() -> None:
    with pytest.raises(ValidationError, match="id2label is for one column of ids"):
        SetColumns(label=("a", "b"), id2label=NAMES)
