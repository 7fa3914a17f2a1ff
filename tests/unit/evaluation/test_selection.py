"""The rule of selection, and that its reason is true and can be read."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Choice, Selection, Standing, choose

F1, ACCURACY = Metric("macro_f1", "macro F1"), Metric("accuracy", "accuracy")
RMSE = Metric("rmse", "RMSE", lower=True, in_unit=True)
MAE = Metric("mae", "MAE", lower=True, in_unit=True)


def _chosen(standings: list[Standing], metric: Metric = F1, **settings: Any) -> Choice:
    return choose(standings, Selection.model_validate({"metric": metric.name, **settings}), metric)


def _standing(name: str, value: float, behind: tuple[float, float, float], trainable: int, total: int) -> Standing:
    return Standing(name, value, value - 0.02, value + 0.02, *behind, trainable, total)


FULL = _standing("full", 0.712, (0.0, 0.0, 0.0), 22_700_000, 22_800_000)
LORA = _standing("lora", 0.706, (0.006, -0.002, 0.015), 302_000, 23_000_000)
PROBE = _standing("linear_probe", 0.612, (0.1, 0.08, 0.12), 7_700, 22_800_000)


def test_the_cheapest_of_the_tied_is_chosen() -> None:
    choice = _chosen([PROBE, LORA, FULL])
    assert choice.chosen == "lora"
    assert [one.candidate for one in choice.ranking] == ["full", "lora", "linear_probe"]
    assert choice.reason == (
        "`full` has the highest validation macro F1, 0.712 (95% interval 0.692 to 0.732). `lora` is 0.006 behind, "
        "with an interval of that difference from -0.002 to 0.015, which includes 0: a tie. Of the 2 tied, `lora` "
        "trains the fewest parameters (302.0 k of 23.0 M), so it is chosen."
    )


def test_a_leader_without_a_tie_is_chosen() -> None:
    choice = _chosen([PROBE, FULL], ACCURACY)
    assert choice.chosen == "full"
    assert choice.reason == (
        "`full` has the highest validation accuracy, 0.712 (95% interval 0.692 to 0.732). The next best, "
        "`linear_probe`, is 0.100 behind, with an interval of that difference from 0.080 to 0.120, which does not "
        "include 0. So `full` is chosen."
    )


def test_a_leader_that_is_the_cheapest_of_the_tied_is_chosen() -> None:
    leader = _standing("probe", 0.72, (0.0, 0.0, 0.0), 7_700, 22_800_000)
    second = _standing("full", 0.712, (0.008, -0.001, 0.02), 22_700_000, 22_800_000)
    choice = _chosen([second, leader, LORA])
    assert choice.chosen == "probe"
    assert choice.reason == (
        "`probe` has the highest validation macro F1, 0.720 (95% interval 0.700 to 0.740). `full` and `lora` are tied "
        "with it: the intervals of their differences include 0. Of the 3 tied, `probe` trains the fewest parameters "
        "(7.7 k of 22.8 M), so it is chosen."
    )


def test_of_an_error_the_lowest_leads_in_the_unit_of_the_label() -> None:
    leader = Standing("full", 31_234.5, 29_000.0, 33_000.0, 0.0, 0.0, 0.0, 1000, 1000)
    probe = Standing("probe", 40_000.0, 38_000.0, 42_000.0, 8_765.5, 7_000.25, 9_800.0, 10, 1000)
    lora = Standing("lora", 31_300.0, 29_000.0, 33_000.0, 65.5, -200.0, 300.0, 100, 1000)
    assert _chosen([probe, leader], RMSE).reason == (
        "`full` has the lowest validation RMSE, 31,234 (95% interval 29,000 to 33,000). The next best, `probe`, is "
        "8,766 behind, with an interval of that difference from 7,000 to 9,800, which does not include 0. So `full` is "
        "chosen."
    )
    choice = _chosen([probe, lora, leader], MAE)
    assert [one.candidate for one in choice.ranking] == ["full", "lora", "probe"]
    assert choice.chosen == "lora"
    assert "`lora` is 65.50 behind, with an interval of that difference from -200 to 300, which" in choice.reason
    assert _chosen([leader], RMSE).reason.startswith(
        "`full` is the only candidate; its validation RMSE is 31,234 (95% interval"
    )


def test_a_single_candidate_is_chosen_without_a_comparison() -> None:
    assert _chosen([FULL], confidence=0.9).reason == (
        "`full` is the only candidate; its validation macro F1 is 0.712 (90% interval 0.692 to 0.732)."
    )


def test_equal_trainable_parameters_are_decided_by_all_parameters_then_name() -> None:
    big = _standing("a", 0.7, (0.0, 0.0, 0.0), 100, 900)
    small = _standing("z", 0.7, (0.0, -0.01, 0.01), 100, 800)
    choice = _chosen([big, small])
    assert choice.chosen == "z"
    assert "`z` is less than 0.001 behind" not in choice.reason  # equal values: the cheaper one leads
    assert "is the cheapest (100 of 800)" in choice.reason
    assert _chosen([big, _standing("b", 0.7, (0.0, 0.0, 0.0), 100, 900)]).chosen == "a"


def test_json_holds_the_contract_and_reads_back() -> None:
    choice = _chosen([PROBE, LORA, FULL])
    value = choice.as_json()
    assert set(value) == {"chosen", "metric", "by", "reason", "ranking", "resamples", "confidence"}
    ranking = value["ranking"]
    assert isinstance(ranking, list)
    assert [one["tied"] for one in ranking] == [True, True, False]
    assert Choice.from_json(value) == choice


@pytest.mark.parametrize(
    "bad",
    [{"metric": None}, {"confidence": 1.0}, {"confidence": 0.4}, {"resamples": 99}, {"seed": -1}, {"metrics": "x"}],
)
def test_settings_out_of_bounds_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Selection.model_validate({"metric": "macro_f1"} | bad)


def test_the_settings_import_nothing_heavy() -> None:
    code = "import sys, finetrail.evaluation.selection; sys.exit(bool({'numpy', 'torch', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


UNSTEADY = Standing("full", 0.80, 0.70, 0.86, 0.0, 0.0, 0.0, 900, 1000, seeds=3, mean=0.78, std=0.06)
STEADY = Standing("lora", 0.76, 0.74, 0.79, -0.04, -0.09, 0.02, 50, 1000, seeds=3, mean=0.77, std=0.01)


def test_by_the_lower_bound_the_most_certain_leads() -> None:
    choice = _chosen([UNSTEADY, STEADY], by="lower_bound")
    assert [one.candidate for one in choice.ranking] == ["lora", "full"]
    assert (choice.chosen, choice.by) == ("lora", "lower_bound")
    assert choice.reason.startswith(
        "`lora` has the highest lower end of the interval of validation macro F1, 0.740 (value 0.760, 95% interval "
        "0.740 to 0.790). `full` is tied with it"
    )


def test_by_mean_and_spread_the_steadiest_leads_where_the_factor_says_so() -> None:
    for by, first in (("mean - 0*std", "full"), ("mean - 0.1*std", "full"), ("mean - 1*std", "lora")):
        assert _chosen([UNSTEADY, STEADY], by=by).ranking[0].candidate == first
    reason = _chosen([UNSTEADY, STEADY], by="mean - 2 * std").reason
    assert reason.startswith(
        "`lora` has the highest mean minus 2 standard deviations of validation macro F1 over 3 seeds, 0.750 (mean "
        "0.770, standard deviation 0.010)."
    )


def test_where_lower_is_better_the_worse_end_is_the_upper_one() -> None:
    choice = _chosen([UNSTEADY, STEADY], RMSE, by="lower_bound")
    assert choice.ranking[0].candidate == "lora", "0.79 is less than 0.86"
    assert "has the lowest upper end of the interval of validation RMSE, 0.7900 (value" in choice.reason
    choice = _chosen([UNSTEADY, STEADY], RMSE, by="mean - 1*std")
    assert choice.ranking[0].candidate == "lora", "0.78 is less than 0.84"
    assert "has the lowest mean plus 1 standard deviation of validation RMSE over 3 seeds, 0.7800" in choice.reason


def test_one_that_is_ahead_by_its_value_is_told_so() -> None:
    cheaper = Standing("probe", 0.80, 0.70, 0.86, -0.04, -0.09, 0.02, 5, 1000)
    choice = _chosen([cheaper, STEADY], by="lower_bound")
    assert choice.chosen == "probe"
    assert (
        "`probe` is 0.040 ahead by its value, with an interval of that difference from -0.020 to 0.090" in choice.reason
    )


@pytest.mark.parametrize("by", ["median", "mean", "mean-std", "mean + 1*std", "mean - std", "mean - -1*std", ""])
def test_an_unknown_criterion_is_refused(by: str) -> None:
    with pytest.raises(ValidationError, match=r"must be value, lower_bound, or a mean and spread .* `mean - 1\*std`"):
        Selection(metric="macro_f1", by=by)


def test_a_validator_ranks_by_its_own_score_and_says_what_labels_would() -> None:
    """Whether the metric is better higher or lower, the validator's score is better higher."""
    scored = [
        replace(FULL, difference=0.3, difference_low=0.2, difference_high=0.4, validated=0.5),
        replace(LORA, difference=0.0, difference_low=0.0, difference_high=0.0, validated=0.8),
    ]
    scored = [replace(one, validated_low=one.validated, validated_high=one.validated) for one in scored]
    validator = {"validator": {"method": "bnm", "rows": "routers"}}
    for metric, labelled in ((F1, "`full` would lead, with 0.712"), (RMSE, "`lora` would lead, with 0.7060")):
        choice = _chosen(scored, metric, **validator)
        assert (choice.chosen, choice.by, choice.metric) == ("lora", "bnm on routers", metric.name)
        assert choice.reason == (
            "`lora` has the highest nuclear norm of the answers on rows 'routers' without labels, 0.800 (95% interval "
            "0.800 to 0.800). The next best, `full`, is 0.300 behind, with an interval of that difference from 0.200 "
            "to 0.400, which does not include 0. So `lora` is chosen. The ranking is that of `selection.validator`, "
            "method bnm: it reads no label of 'routers', and is fooled where some classes are rare. By validation "
            f"{metric.title}, {labelled}."
        )
    assert Choice.from_json(choice.as_json()) == choice


def test_without_a_validator_nothing_is_written_of_one() -> None:
    assert "validated" not in str(_chosen([PROBE, FULL]).as_json())
