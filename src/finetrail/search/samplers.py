"""The samplers and pruners of Optuna, set up so that a study can be cut off and goes on as if it had not been."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from finetrail.runs.hashes import hash_of
from finetrail.search.settings import Search

_START = 10
"""Trials that a model of the space needs first."""


@contextmanager
def as_they_are() -> Iterator[None]:
    """What Optuna calls experimental is used as the pinned version has it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


@as_they_are()
def build_sampler(search: Search, seed: int, number: int) -> BaseSampler:
    """The sampler for one trial. Its random state depends on nothing but the seed and the trial's number.

    Args:
        number: of the trial.
    """
    drawn = int(hash_of([seed, number])[:8], 16)
    start = _START if search.trials is None else max(2, min(_START, search.trials // 3))
    if search.sampler == "tpe":
        # The constant liar keeps trials that run at once apart.
        return optuna.samplers.TPESampler(seed=drawn, n_startup_trials=start, multivariate=True, group=True)
    if search.sampler == "gp":
        return optuna.samplers.GPSampler(seed=drawn, n_startup_trials=start, warn_independent_sampling=False)
    if search.sampler == "cmaes":
        return optuna.samplers.CmaEsSampler(seed=drawn, n_startup_trials=start, warn_independent_sampling=False)
    return optuna.samplers.RandomSampler(seed=drawn)


@as_they_are()
def build_pruner(search: Search) -> BasePruner:
    """The pruner of a study."""
    if search.pruner == "median":
        return optuna.pruners.MedianPruner()
    if search.pruner == "hyperband":
        return optuna.pruners.HyperbandPruner()
    if search.pruner == "wilcoxon":
        return optuna.pruners.WilcoxonPruner()
    return optuna.pruners.NopPruner()
