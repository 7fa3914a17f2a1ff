"""When to stop early: what more trials may gain is less than the noise of the metric (Makarova et al. 2022)."""

from collections.abc import Sequence

import numpy as np
from optuna.study import StudyDirection
from optuna.terminator import RegretBoundEvaluator
from optuna.trial import FrozenTrial, TrialState

from finetrail.evaluation.scores.bootstrap import Draws, bootstrap
from finetrail.search.problem import Problem
from finetrail.search.samplers import as_they_are
from finetrail.units.store import Answered

FEWEST = 20
"""Complete trials below which the bound on the regret says little."""
_RESAMPLES = 200


@as_they_are()
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
    best_first = sorted(complete, key=lambda one: one.values[0], reverse=True)
    here = next(filter(None, (_answers(problem, one) for one in best_first)), None)
    return here is not None and bool(bound < _noise(problem, here))


def _answers(problem: Problem, trial: FrozenTrial) -> Answered | None:
    """The first training of a trial; None: it took place on another machine."""
    units, unit = problem.units(trial.params), problem.tried[0]
    return None if units.left([unit]) else units.read(unit)


def _noise(problem: Problem, done: Answered) -> float:
    """The standard deviation of a training's metric over resampled validation rows."""
    codec = problem.task.target.codec(done.target)
    drawn = bootstrap(codec.judge, done.frame["label"].tolist(), [codec.read(done.frame)], Draws(_RESAMPLES, 0))
    return float(np.std(drawn.draws[problem.metric.name][0], ddof=1))
