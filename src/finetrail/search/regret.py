"""When to stop early: what more trials may gain is less than the noise of the metric (Makarova et al. 2022)."""

from collections.abc import Sequence

import numpy as np
from optuna.study import StudyDirection
from optuna.terminator import RegretBoundEvaluator
from optuna.trial import FrozenTrial, TrialState

from finetrail.evaluation.scores.bootstrap import Draws, bootstrap
from finetrail.search.problem import Problem

FEWEST = 20
"""Complete trials below which the bound on the regret says little."""
_RESAMPLES = 200


def little_to_gain(problem: Problem, trials: Sequence[FrozenTrial]) -> bool:
    """Whether the best trial is, with high probability, as close to the best there is as the metric can tell."""
    complete = [one for one in trials if one.state == TrialState.COMPLETE]
    if len(complete) < FEWEST:
        return False
    evaluator = RegretBoundEvaluator(seed=problem.seed)
    try:
        bound = evaluator.evaluate(complete, StudyDirection.MAXIMIZE)
    except ValueError:  # no dimension is in play in all trials
        return False
    return bool(bound < _noise(problem, max(complete, key=lambda one: one.values[0])))


def _noise(problem: Problem, best: FrozenTrial) -> float:
    """The standard deviation of the best trial's metric over resampled validation rows."""
    units = problem.units(best.params)
    done = units.read(problem.tried[0])
    codec = problem.task.target.codec(done.target)
    drawn = bootstrap(codec.judge, done.frame["label"].tolist(), [codec.read(done.frame)], Draws(_RESAMPLES, 0))
    return float(np.std(drawn.draws[problem.metric.name][0], ddof=1))
