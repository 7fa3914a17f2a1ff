"""What a caller may ask for beside the rows is declared, and checked in one line."""

from typing import Any

import pytest

from finetrail.errors import DataError
from finetrail.targets.options import Options
from finetrail.targets.sequences.options import WritingOptions
from finetrail.targets.spans.options import SpanOptions
from finetrail.tasks.registry import all_tasks


def test_they_are_declared_by_mlflow_s_types_with_their_defaults() -> None:
    assert Options.declared() == {}
    assert SpanOptions.declared() == {"n_best": ("long", 1)}
    assert WritingOptions.declared() == {
        "max_tokens": ("long", None),
        "temperature": ("double", 0.0),
        "seed": ("long", 0),
    }
    for task in all_tasks():
        defaults = {name: default for name, (_, default) in task.target.Options.declared().items()}
        assert task.target.Options.of(defaults) == task.target.Options.of(None) == task.target.Options()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"temperature": -0.5}, r"^temperature is -0.5: must be greater than or equal to 0$"),
        ({"temperature": float("nan")}, r"^temperature is nan: must be a finite number$"),
        ({"temperature": "hot"}, r"^temperature is 'hot': must be a valid number$"),
        ({"max_tokens": 0}, r"^max_tokens is 0: must be greater than or equal to 1$"),
        ({"max_tokens": 2.5}, r"^max_tokens is 2.5: must be a valid integer$"),
        ({"seed": -1}, r"^seed is -1: must be greater than or equal to 0$"),
        ({"top_p": 0.5}, r"^unknown key 'top_p'; allowed keys: max_tokens, temperature, seed$"),
    ],
)
def test_a_wrong_one_is_refused_with_its_value_and_the_rule(params: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        WritingOptions.of(params)


def test_of_a_reader_s_answers_at_most_those_that_are_kept_are_listed() -> None:
    with pytest.raises(DataError, match=r"^n_best is 21: must be less than or equal to 20$"):
        SpanOptions.of({"n_best": 21})
    assert SpanOptions.of({"n_best": 20}).n_best == 20
