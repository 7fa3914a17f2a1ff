"""The rule of selection, and that its reason is true and can be read."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Choice, Selection, Standing, choose

F1, ACCURACY = Metric("macro_f1", "macro F1"), Metric("accuracy", "accuracy")
RMSE = Metric("rmse", "RMSE", lower=True, in_unit=True)
MAE = Metric("mae", "MAE", lower=True, in_unit=True)


def _chosen(standings: list[Standing], metric: Metric = F1, **settings: float) -> Choice:
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
    assert set(value) == {"chosen", "metric", "reason", "ranking", "resamples", "confidence"}
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
