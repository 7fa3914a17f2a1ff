"""The kinds of problem: what each is judged by, and how numbers of any size are said."""

import pytest
from finetrail.targets.problem import CLASSIFICATION, METRICS, PROBLEMS, REGRESSION, amount, problem_of


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


def test_a_metric_belongs_to_one_kind_and_knows_its_direction() -> None:
    for problem in PROBLEMS.values():
        for metric in problem.metrics:
            assert problem_of(metric.name) is problem
    assert {name for name, metric in METRICS.items() if metric.lower} == {"rmse", "mae"}
    assert METRICS["rmse"].goodness(1.0) > METRICS["rmse"].goodness(2.0)
    assert METRICS["r2"].goodness(1.0) > METRICS["r2"].goodness(0.5)


def test_each_kind_has_its_defaults() -> None:
    assert (CLASSIFICATION.metric.name, CLASSIFICATION.losses[0]) == ("macro_f1", "cross_entropy")
    assert (REGRESSION.metric.name, REGRESSION.losses[0]) == ("rmse", "mse")


def test_a_score_is_said_in_three_digits_and_an_error_in_its_unit() -> None:
    assert METRICS["macro_f1"].say(0.84249) == "0.842"
    assert METRICS["spearman"].say(-0.0001) == "0.000"
    assert METRICS["mae"].say(0.00042) == "0.0004200"
