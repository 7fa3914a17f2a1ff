"""How much each searched setting matters, by functional analysis of variance.

Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance" (ICML 2014): a random
forest learns the metric from the settings, and each setting gets the share of the forest's variance that it explains
alone, over the whole space. Not Optuna's default, PED-ANOVA (IJCAI 2023): it asks about the best tenth of the trials,
which are 3 of 30.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetrail.runs.dimension import Dimension, Value
from finetrail.runs.study import Study

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FEWEST = 20
"""Trials below which the forest often ranks a setting first that does not matter."""
_CONTROLS = ["chance 1", "chance 2", "chance 3"]
"""Columns of random numbers beside the settings: what the largest of them explains, a setting may by chance."""
_SEED = 0


@dataclass(frozen=True)
class Importances:
    """The settings that some trials have in common.

    Attributes:
        when: what these trials share, such as a method of adaptation; empty of all trials.
        trials: how many of them have a value.
        shares: of the differences in the metric, by the name of the setting, the largest first. Empty where the trials
            are too few, or all have the same value.
        chance: the largest share that random numbers got.
    """

    when: Mapping[str, Value]
    trials: int
    shares: Mapping[str, float]
    chance: float = 0.0


def importances(study: Study) -> list[Importances]:
    """Of the settings that all trials have, and then of those of each branch among the trials that took it.

    Pruned trials count with their last value: without them the forest never sees what is bad.
    """
    branches: list[Mapping[str, Value]] = [{}]
    for one in study.space:
        if one.when is not None and one.when not in branches:
            branches.append(one.when)
    return [_of_branch(study, when) for when in branches]


def _of_branch(study: Study, when: Mapping[str, Value]) -> Importances:
    found = [one for one in study.trials if one.parameters.items() >= when.items()]
    points = [(one.parameters, value) for one in found if (value := study.last_value(one)) is not None]
    shared = [one for one in study.space if one.name not in when and all(one.name in at for at, _ in points)]
    if len(points) < FEWEST or len({value for _, value in points}) < 2 or not shared:
        return Importances(when, len(points), {})
    shares = _shares(shared, points)
    chance = max(shares.pop(name) for name in _CONTROLS)
    return Importances(when, len(points), shares, chance)


def _shares(shared: Sequence[Dimension], points: Sequence[tuple[Mapping[str, Value], float]]) -> dict[str, float]:
    """The shares of settings and controls, by Optuna, of a study in memory. Args: points: settings and values."""
    from optuna import create_study, logging
    from optuna.distributions import FloatDistribution
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import create_trial

    level = logging.get_verbosity()
    logging.set_verbosity(logging.WARNING)  # it would announce the study
    study, draw = create_study(), random.Random(_SEED)  # noqa: S311 (no secret)
    logging.set_verbosity(level)
    distributions: dict[str, Any] = {one.name: distribution_of(one) for one in shared}
    distributions |= dict.fromkeys(_CONTROLS, FloatDistribution(0, 1))
    for parameters, value in points:
        at = {one.name: parameters[one.name] for one in shared} | {name: draw.random() for name in _CONTROLS}
        study.add_trial(create_trial(params=at, distributions=distributions, value=value))
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=_SEED))
    return {name: float(share) for name, share in found.items()}


def distribution_of(one: Dimension) -> "BaseDistribution":
    """A dimension as Optuna has it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if one.low is None or one.high is None:
        return CategoricalDistribution(one.choices or ())
    if one.kind == "int":
        return IntDistribution(int(one.low), int(one.high), log=one.on_log_scale, step=int(one.step or 1))
    return FloatDistribution(one.low, one.high, log=one.on_log_scale)
