"""One trial of a study: a training, stopped early where the pruner says so, and told to the study in any case."""

import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean, median

import optuna
from optuna.trial import TrialState

from finetrail.data.store.shards import Contents
from finetrail.errors import FinetrailError, TrainingError
from finetrail.evaluation.scores.metric import Point
from finetrail.inference.device import peak_memory_mb
from finetrail.inference.memory import out_of_memory
from finetrail.runs.attempt import FREE
from finetrail.runs.live import checkpoint_folder
from finetrail.runs.record import settings_of
from finetrail.search.problem import Problem
from finetrail.search.ranking import ranked
from finetrail.search.study import CURVE, MEMORY, REASON, SECONDS, SIZES, STARTS, UNIT, LiveStudy
from finetrail.serving.latency import row_times_ms
from finetrail.training.work import build
from finetrail.units.store import Answered
from finetrail.units.unit import Unit
from finetrail.units.units import PLACE, Units

log = logging.getLogger(__name__)

TIMED_ROWS = 32
"""Validation rows that the latency of a trial's model is measured on."""


class _Pruned(Exception):  # noqa: N818  (not an error)
    """The pruner has seen enough."""


def carry_out(study: LiveStudy, trial: optuna.Trial) -> None:
    """Train the trial's candidate, and tell the study how good it is.

    A training that cannot go on fails the trial, not the study: rates that diverge and sizes that do not fit are part
    of what a search finds out.
    """
    problem, started = study.problem, time.perf_counter()
    before = trial.user_attrs.get(SECONDS, 0.0)
    try:
        units = problem.units(trial.params)
        first = problem.tried[0]
        trial.set_user_attr(UNIT, units.key(first))
        trial.set_user_attr(STARTS, [*trial.user_attrs.get(STARTS, []), units.steps(first)])
        done = _trained(study, trial, units)
        values = [fmean(problem.goodness(one) for one in done)]
        if problem.search.cost is not None:
            values.append(_cost(problem, trial, done))
    except _Pruned:
        units.discard(first)
        state = TrialState.PRUNED
    except (FinetrailError, RuntimeError, MemoryError) as error:
        if not isinstance(error, FinetrailError) and not out_of_memory(error):
            raise
        reason = str(error) if isinstance(error, FinetrailError) else "out of memory"
        log.warning("candidate %r, trial %d failed: %s", problem.name, trial.number, reason)
        trial.set_user_attr(REASON, reason)
        state = TrialState.FAIL
    else:
        trial.set_user_attr(CURVE, done[0].curve)
        trial.set_user_attr(SIZES, done[0].parameters)
        state = TrialState.COMPLETE
    trial.set_user_attr(SECONDS, round(before + time.perf_counter() - started, 2))
    trial.set_user_attr(MEMORY, peak_memory_mb())
    study.optuna.tell(trial, values if state == TrialState.COMPLETE else None, state, skip_if_finished=True)
    _tidy(study)


def _trained(study: LiveStudy, trial: optuna.Trial, units: Units) -> list[Answered]:
    """The trainings of a trial, one for each seed. Raises: _Pruned: the pruner has seen enough."""
    problem, several = study.problem, study.problem.search.seeds > 1
    found: list[Answered] = []
    for unit in problem.tried:
        observe = _unheard if several else _Evaluations(problem, trial)
        for _ in units.finish([unit], observe, keep=None if found else kept_folder(study, units.key(unit))):
            done = units.read(unit)
            _require_own(problem, trial, unit, done)
            found.append(done)
            if several:
                _report(problem, trial, problem.goodness(done), len(found))
    return found


@dataclass(frozen=True)
class _Evaluations:
    """Observes the one training of a trial: its curve is kept in the study, and the pruner sees each evaluation."""

    problem: Problem
    trial: optuna.Trial

    def __call__(self, curve: str, step: int, point: Point) -> None:
        """See `finetrail.training.steps.Observer`."""
        if curve != "val":
            return
        known: list[Point] = self.trial.user_attrs.get(CURVE, [])
        steps = [one["step"] for one in known]
        if step not in steps:  # else it was evaluated before the process was killed, perhaps on another machine
            steps.append(step)
            self.trial.set_user_attr(CURVE, [*known, point])
        place = steps.index(step) + 1
        _report(self.problem, self.trial, self.problem.metric.goodness(point[self.problem.metric.name]), place)


def _report(problem: Problem, trial: optuna.Trial, value: float, place: int) -> None:
    """Tell the pruner of a value. Args: place: of the value among those of the trial, from 1."""
    if problem.search.pruner != "none":
        trial.report(value, place)
        if trial.should_prune():
            raise _Pruned


def _unheard(curve: str, step: int, point: Point) -> None:
    """Ignore the point: the trainings of this trial are judged as a whole."""


def _require_own(problem: Problem, trial: optuna.Trial, unit: Unit, done: Answered) -> None:
    """Refuse a training with other settings than the trial's. Raises: TrainingError: it is one."""
    one = problem.candidate.at(trial.params)
    wanted = settings_of(problem.task.identity, unit.seed, one)
    for name, value in wanted.items():
        if name not in FREE and done.settings.get(name) != value:
            raise TrainingError(
                f"{name} is {value} in the trial, but the training took {done.settings.get(name)}; remove "
                f"{checkpoint_folder(problem.workspace, PLACE)} and train again"
            )


def _cost(problem: Problem, trial: optuna.Trial, done: Sequence[Answered]) -> float:
    if problem.search.cost == "seconds":
        return fmean(one.seconds for one in done)
    if problem.search.cost == "parameters":
        return done[0].parameters["total"]
    # What the weights are does not matter here: a new model takes as long as a trained one.
    candidate = problem.candidate.at(trial.params)
    rows = problem.shared.rows(candidate)
    built = build(problem.workspace, problem.task, candidate, rows, problem.seed)
    candidate.adaptation.merge(built.model)
    built.model.eval()
    contents = islice(Contents(problem.workspace.split("val"), problem.task.content.name), TIMED_ROWS)
    return median(row_times_ms([built], list(contents))[0])


def kept_folder(study: LiveStudy, key: str) -> Path:
    """Where the last checkpoint of a training stays as long as its trial may be chosen. Args: key: of its unit."""
    return study.folder / "kept" / key


def _tidy(study: LiveStudy) -> None:
    """Remove the checkpoints of trials that are not among the best."""
    confirm, trials = study.problem.search.confirm, study.trials
    best = ranked(study.problem, trials)[: confirm.top if confirm else 1]
    used = {one.user_attrs[UNIT] for one in best}
    for one in trials:
        if one.state.is_finished() and one.user_attrs.get(UNIT, "") not in used | {""}:
            shutil.rmtree(kept_folder(study, one.user_attrs[UNIT]), ignore_errors=True)
