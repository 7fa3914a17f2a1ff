"""What matters is found where enough trials say so, and nothing is said where they do not."""

from dataclasses import replace

import optuna
import pytest

from finetrail.studies.importances import FEWEST, importances
from tests.unit.studies.searches import BRANCH, BRANCH_RANK, IRRELEVANT, LENGTH, RANK, RATE, searched


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_setting_that_matters_comes_first_and_explains_more_than_chance(sampler: str) -> None:
    (found,) = importances(searched(40, sampler=sampler))
    assert set(found.shares) == {RATE.name, IRRELEVANT.name, RANK.name, LENGTH.name}
    assert next(iter(found.shares)) == RATE.name
    assert found.shares[RATE.name] > max(0.4, 3 * found.shares[IRRELEVANT.name], 2 * found.chance)


def test_the_same_study_has_the_same_importances_and_nothing_is_left_or_said(capfd: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    assert importances(searched(40)) == importances(searched(40))
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


def test_a_branch_has_its_own_among_the_trials_that_took_it() -> None:
    study = searched(60, space="conditional", sampler="random", pruner="none")
    everywhere, lora = importances(study)
    assert (everywhere.when, set(everywhere.shares)) == ({}, {RATE.name, IRRELEVANT.name, BRANCH.name})
    assert (lora.when, set(lora.shares)) == ({BRANCH.name: "lora"}, {RATE.name, IRRELEVANT.name, BRANCH_RANK.name})
    took = [one for one in study.of("complete") if one.parameters[BRANCH.name] == "lora"]
    assert lora.trials == len(took) < everywhere.trials
    assert next(iter(lora.shares)) == RATE.name


def test_nothing_is_said_of_too_few_trials_or_of_equal_ones() -> None:
    equal = tuple(replace(one, value=0.5, state="complete") for one in searched(30).trials)
    studies = [searched(1), searched(FEWEST - 1, pruner="none"), searched(30, end="failed")]
    few = [importances(study) for study in [*studies, replace(searched(30), trials=equal)]]
    assert [found.shares for (found,) in few] == [{}, {}, {}, {}]
    assert [found.trials < FEWEST for (found,) in few] == [True, True, True, False]
