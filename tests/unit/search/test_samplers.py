"""Samplers are seeded anew for each trial: a study that was cut off goes on as if it had not been."""

import math
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from finetrail.search.samplers import build_pruner, build_sampler
from finetrail.search.settings import Search
from finetrail.search.space import Space

SPACE = Space.of({"train": {"learning_rate": {"log": [1e-5, 1e-1]}, "weight_decay": {"float": [0.0, 1.0]}}})
TRIALS = 14


def go_on(search: Search, storage: optuna.storages.BaseStorage, until: int) -> list[dict[str, Any]]:
    """Carry out trials with a new study object each, as after a kill; the best rate is 1e-3."""
    while True:
        study = optuna.create_study(storage=storage, study_name="s", direction="maximize", load_if_exists=True)
        known = study.get_trials()
        if len(known) >= until:
            return [one.params for one in known]
        study.sampler = build_sampler(search, 7, len(known))
        trial = study.ask()
        for dimension in SPACE.dimensions:
            dimension.suggest(trial)
        study.tell(trial, -abs(math.log10(trial.params["train.learning_rate"]) + 3))


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp", "cmaes"])
def test_the_same_seed_gives_the_same_trials_and_another_sampler_others(sampler: Any) -> None:
    search = Search(sampler=sampler)
    one, two = (go_on(search, optuna.storages.InMemoryStorage(), TRIALS) for _ in range(2))
    assert one == two
    assert len({params["train.learning_rate"] for params in one}) == TRIALS
    if sampler != "random":
        chance = go_on(Search(sampler="random"), optuna.storages.InMemoryStorage(), TRIALS)
        assert chance[-1] != one[-1]


@pytest.mark.parametrize(("pruner", "values"), [("median", 8), ("hyperband", 30), ("wilcoxon", 3)])
def test_a_pruner_stops_what_is_worse_in_each_value_and_nothing_that_is_better(pruner: Any, values: int) -> None:
    search = Search(pruner=pruner, seeds=5)
    study = optuna.create_study(direction="maximize", pruner=build_pruner(search), study_name="s")
    for number in range(values):
        trial = study.ask()
        for place in range(1, 9):
            trial.report(0.8 + number / 1000 + place / 100, place)
            trial.should_prune()  # hyperband remembers who came how far
        study.tell(trial, 0.9)
    pruned = {}
    for level in (0.1, 0.99):
        trials = [study.ask() for _ in range(8)]
        pruned[level] = 0
        for trial in trials:
            for place in range(1, 9):
                trial.report(level + place / 100, place)
                if trial.should_prune():
                    pruned[level] += 1
                    study.tell(trial, state=TrialState.PRUNED)
                    break
    assert pruned[0.1] > 0
    assert pruned[0.99] == 0


def test_without_a_pruner_nothing_is_stopped() -> None:
    study = optuna.create_study(direction="maximize", pruner=build_pruner(Search()))
    for value in (0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1):
        trial = study.ask()
        trial.report(value, 1)
        assert not trial.should_prune()
        study.tell(trial, value)
