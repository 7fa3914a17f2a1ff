"""A section of params.yaml is strict, frozen and closed."""

from typing import Any

import pytest
from pydantic import Field, ValidationError

from finetrail.settings import Settings


class Oven(Settings):
    degrees: float = 180.0
    minutes: int = Field(20, ge=1)
    fan: bool = False


class Kitchen(Settings):
    oven: Oven = Oven()


def test_takes_what_the_types_say_and_fills_in_the_rest() -> None:
    assert Oven(minutes=5).model_dump() == {"degrees": 180.0, "minutes": 5, "fan": False}
    assert Oven(degrees=200).degrees == 200.0  # a whole number is a number


@pytest.mark.parametrize(
    "values",
    [
        {"minutes": "5"},
        {"minutes": 5.0},
        {"minutes": True},
        {"minutes": None},
        {"minutes": 0},
        {"fan": 1},
        {"fan": "yes"},
        {"degrees": "200"},
        {"degrees": float("nan")},
        {"degrees": float("inf")},
    ],
)
def test_converts_nothing_and_keeps_to_the_bounds(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Oven.model_validate(values)
    assert [error["loc"] for error in caught.value.errors()] == [tuple(values)]


def test_a_misspelt_key_is_refused_with_the_likely_one_and_all_that_are_allowed() -> None:
    with pytest.raises(
        ValidationError, match="unknown key 'minuts'; did you mean 'minutes'\\? allowed keys: degrees, minutes, fan"
    ):
        Oven.model_validate({"minuts": 3})


def test_a_key_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(ValidationError, match="unknown key 'colour'; allowed keys: degrees, minutes, fan"):
        Oven.model_validate({"colour": "red"})


def test_a_key_that_is_no_text_is_refused_too() -> None:
    with pytest.raises(ValidationError, match="unknown key 3; allowed keys:"):
        Oven.model_validate({3: "red"})


def test_an_unknown_key_is_found_where_it_stands() -> None:
    with pytest.raises(ValidationError) as caught:
        Kitchen.model_validate({"oven": {"fann": True}})
    assert [(error["loc"], error["type"]) for error in caught.value.errors()] == [(("oven",), "unknown_key")]


def test_nothing_can_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Oven().minutes = 3  # type: ignore[misc]
