"""What a metric says: numbers of any size, and which of two values is the better one."""

import pytest

from finetrail.evaluation.scores.metric import Metric, amount, setting

F1 = Metric("macro_f1", "macro F1")
SPEARMAN = Metric("spearman", "Spearman correlation")
MAE = Metric("mae", "MAE", lower=True, in_unit=True)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (31_234.5, "31,234"),
        (1_234_567.0, "1,234,567"),
        (2.34567, "2.346"),
        (-0.00123456, "-0.001235"),
        (1000.0, "1,000"),
        (-7.0, "-7"),
        (0.0, "0"),
        (-0.0, "0"),
        (3.2e-12, "3.200e-12"),
        (4.5e20, "4.500e+20"),
        (float("nan"), "nan"),
    ],
)
def test_a_number_of_any_size_is_said_in_a_few_digits(value: float, words: str) -> None:
    assert amount(value) == words


def test_a_metric_knows_its_direction() -> None:
    assert MAE.goodness(1.0) > MAE.goodness(2.0)
    assert F1.goodness(1.0) > F1.goodness(0.5)
    assert (MAE.best, F1.best) == ("lowest", "highest")


def test_a_score_is_said_in_three_digits_and_an_error_in_its_unit() -> None:
    assert F1.say(0.84249) == "0.842"
    assert SPEARMAN.say(-0.0001) == "0.000"
    assert MAE.say(0.00042) == "0.0004200"


def test_a_margin_is_a_share_of_what_is_in_the_unit_of_the_label() -> None:
    assert F1.margin(0.02, 0.5) == 0.02
    assert MAE.margin(0.02, -300.0) == 6.0


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.05, "0.05"),
        (1e-3, "1e-3"),
        (2.354e-4, "2.35e-4"),
        (0.0123456, "0.0123"),
        (-1e-5, "-1e-5"),
        (64, "64"),
        (4.0, "4"),
        (0.0, "0"),
        (2e7, "2e7"),
        (1234.5, "1.23e3"),
        ("lora", "lora"),
        (None, "null"),
        (True, "true"),
        (False, "false"),
    ],
)
def test_a_setting_is_said_as_one_writes_it(value: float | str | None, words: str) -> None:
    assert setting(value) == words
