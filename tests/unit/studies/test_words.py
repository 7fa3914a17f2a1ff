"""A search in a sentence."""

from dataclasses import replace

import pytest

from finetrail.runs.study import Confirmed, Study, Trial
from finetrail.studies.words import found_by
from tests.unit.studies.searches import F1, RMSE, searched

TRIALS = tuple(Trial(number, "complete", {}, 0.8 + number / 100) for number in range(3))
STUDY = replace(
    searched(1),
    trials=TRIALS,
    best=2,
    chosen=1,
    confirmed=(Confirmed(1, (7, 8), (0.79, 0.81)), Confirmed(2, (7,), (0.7,))),
)
ONE = replace(STUDY, trials=TRIALS[:1], best=0, chosen=0, confirmed=())
NEVER = "none was trained again, so expect less on other rows than its value says."
ONCE = "trained again over 1 further seed, its validation macro F1 is 0.700 on average,"
AGAIN = "trained again over 2 further seeds, its validation macro F1 is 0.800 on average, 0.020"


@pytest.mark.parametrize(
    ("study", "said"),
    [
        (STUDY, f"`lora` is trial 1 of 3; {AGAIN} worse than the best single value, 0.820 of trial 2."),
        (
            replace(STUDY, chosen=2),
            f"`lora` is the best of 3 trials, with 0.820; {ONCE} 0.120 worse.",
        ),
        (
            replace(STUDY, higher_is_better=False),
            f"`lora` is trial 1 of 3; {AGAIN} better than the best single value, 0.820 of trial 2.",
        ),
        (
            replace(STUDY, confirmed=()),
            f"`lora` is trial 1 of 3; {NEVER}",
        ),
        (
            ONE,
            f"`lora` is the only trial, with 0.800; {NEVER}",
        ),
        (replace(ONE, best=None, chosen=None), "None of the trials of `lora` came to its end."),
    ],
)
def test_a_search_is_said_in_a_sentence(study: Study, said: str) -> None:
    assert found_by("lora", study, F1) == said


def test_an_error_is_said_in_its_unit() -> None:
    study = replace(STUDY, higher_is_better=False, trials=tuple(replace(one, value=1000.0) for one in TRIALS))
    assert "999.2 better than the best single value, 1,000 of trial 2" in found_by("full", study, RMSE)
