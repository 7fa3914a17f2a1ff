"""What fits into a budget."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrail.commands.suggest.budget import Batch, around, fitting_batch, said_seconds, study_for, that_fit
from finetrail.commands.suggest.proposing import Suggestion, fitted

PROBE = Suggestion(
    "probe", {"method": "linear_probe"}, {"learning_rate": 0.02}, 32, 60.0, 30, 2**30, ranked=False, why="because"
)
LORA = replace(
    PROBE,
    name="lora",
    adaptation={"method": "lora"},
    train={"learning_rate": 1e-3, "head_learning_rate": 2e-3},
    seconds=100.0,
    evaluations=3,
    ranked=True,
)
FULL = replace(PROBE, name="full", adaptation={"method": "full"}, seconds=240.0)


@pytest.mark.parametrize(
    ("minutes", "kept", "trials", "searched"),
    [
        (0.1, ["probe"], 0, []),
        (3, ["probe", "lora"], 0, []),
        (10, ["probe", "lora", "full"], 0, []),
        (12, ["probe", "lora", "full"], 4, ["learning_rate"]),
        (25, ["probe", "lora", "full"], 8, ["learning_rate", "r"]),
        (50, ["probe", "lora", "full"], 18, ["learning_rate", "head_learning_rate", "r"]),
        (500, ["probe", "lora", "full"], 30, ["learning_rate", "head_learning_rate", "r"]),
    ],
)
def test_more_minutes_allow_more(minutes: float, kept: list[str], trials: int, searched: list[str]) -> None:
    found = fitted([PROBE, LORA, FULL], minutes)
    assert [one.name for one in found.candidates] == kept
    assert found.seconds <= 60 * minutes or kept == ["probe"]
    assert set(found.left_out) == {"probe", "lora", "full"} - set(kept)
    for one in found.candidates:
        if one.name != "lora" or not trials:
            assert (one.search, one.trainings) == (None, 1)
            continue
        assert one.search is not None
        assert one.search["budget"] == {"trials": trials}
        opened = [key for key, value in (one.train | one.adaptation).items() if isinstance(value, dict)]
        assert opened == searched


def test_a_search_is_around_the_rate_that_was_found() -> None:
    lora = fitted([LORA], 25).candidates[0]
    assert lora.train == {"learning_rate": {"log": [2e-4, 3e-3]}, "head_learning_rate": 2e-3}
    assert lora.adaptation == {"method": "lora", "r": {"int": [4, 32, "log"]}}
    assert lora.search == {"budget": {"trials": 11}, "pruner": "median", "confirm": {"top": 2, "seeds": 2}}
    assert lora.why == "because; 11 trials fit, the best trained again"


def test_few_trials_are_not_confirmed_and_say_so() -> None:
    lora = fitted([LORA], 10).candidates[0]
    assert lora.search == {"budget": {"trials": 6}, "confirm": None}
    assert lora.why == "because; 6 trials fit, too few to train the best again"


def test_what_is_left_out_says_why() -> None:
    found = fitted([PROBE, LORA, FULL], 3)
    assert found.left_out == {"full": "a training of 4.0 min does not fit into 3 min beside the others"}
    assert found.candidates[1].why == "because; too few trainings fit for a search"


@given(st.integers(0, 2000))
def test_a_study_has_no_more_trainings_than_fit(trainings: int) -> None:
    study = study_for(trainings)
    assert (study is None) == (trainings < 4)
    if study is not None:
        assert study.trainings <= trainings
        assert 4 <= study.trials <= 30


@given(st.dictionaries(st.text(), st.floats(0.1, 1e4), min_size=1), st.floats(1, 1e5))
def test_the_cheapest_are_kept_within_the_budget(seconds: dict[str, float], budget: float) -> None:
    kept = that_fit(seconds, budget)
    assert kept
    assert sum(seconds[one] for one in kept) <= budget or len(kept) == 1
    assert all(seconds[one] <= seconds[other] for one in kept for other in set(seconds) - set(kept))


@pytest.mark.parametrize(("rows", "wanted"), [(10, 16), (700, 16), (1910, 32), (2559, 32), (2560, 64), (1_000_000, 64)])
def test_a_batch_suits_the_rows(rows: int, wanted: int) -> None:
    assert fitting_batch(rows, free=2**40, fixed=2**20, each=2**20) == Batch(wanted, 1)


def test_a_batch_that_does_not_fit_is_divided() -> None:
    assert fitting_batch(5000, free=100, fixed=50, each=5) == Batch(8, 8)
    assert fitting_batch(5000, free=100, fixed=90, each=50) == Batch(1, 64)


def test_numbers_are_as_people_write_them() -> None:
    assert around(1.8e-3) == [3.6e-4, 5.4e-3]
    assert [said_seconds(one) for one in (4.4, 99, 150)] == ["4 s", "99 s", "2.5 min"]
