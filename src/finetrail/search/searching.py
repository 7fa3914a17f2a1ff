"""Search for a candidate's open settings: carry out the trials, confirm the best, and choose."""

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from finetrail.errors import TrainingError
from finetrail.progress import Track, duration, quiet
from finetrail.runs import study as recorded
from finetrail.runs import tracking
from finetrail.search.candidate import Searched
from finetrail.search.confirming import confirm
from finetrail.search.database import database_errors
from finetrail.search.forecast import forecast
from finetrail.search.mirror import Mirror
from finetrail.search.problem import Problem
from finetrail.search.ranking import in_order, ranked
from finetrail.search.recording import begun_study, recorded_study, recorded_trials, with_folds
from finetrail.search.study import PAUSE, REASON, UNIT, LiveStudy
from finetrail.search.trials import carry_out, kept_folder
from finetrail.search.workers import workers

Tell = Callable[[str], None]
Helper = Callable[[], object]


@dataclass(frozen=True)
class Found:
    """The outcome of a search.

    Attributes:
        candidate: with the settings of the chosen trial, and nothing open.
        record: of the study.
        start: the folder with the last checkpoint of the chosen trial's training; it may be empty or missing.
    """

    candidate: Searched
    record: recorded.Study
    start: Path


@database_errors()
def search(problem: Problem, tell: Tell, track: Track = quiet, helper: Helper | None = None) -> Found:
    """Carry out what is left of a study, and choose.

    Args:
        tell: hears in a line how much there is to do.
        helper: what each of several processes does; None: this process carries out all trials.

    Raises:
        TrainingError: no trial came to an end.
        TrackingError: MLflow's server or database does not answer.
        UnreachableError: the database that holds the study does not answer.
    """
    several = workers(problem.search.processes, helper) if helper and problem.search.processes > 1 else nullcontext()
    with several as own:
        study = LiveStudy(problem)
        tell(_announced(study))
        mirror = Mirror(tracking.connect(problem.workspace, problem.project), problem.name, begun_study(problem))
        ended = own.watch(study) if own else work(study)
        for _ in track(ended, total=_left(study), what=f"trials of {problem.name}"):
            mirror.show(recorded_trials(problem, study.trials))
    found = _chosen(study, confirm(study, track))
    folds = track(map(_nested, problem.nested), total=len(problem.nested), what="searches without a fold")
    return replace(found, record=with_folds(problem, found.record, list(folds)))


@database_errors()
def help_with(problem: Problem, track: Track = quiet) -> int:
    """Carry out trials of a study that another process began or will end; returns how many."""
    done = 0
    for one in (problem, *problem.nested):
        study = LiveStudy(one)
        done += sum(1 for _ in track(work(study), total=_left(study), what=f"trials of {one.name}"))
        confirm(study, track)
    return done


def work(study: LiveStudy) -> Iterator[int]:
    """Carry out trials until there are no more to begin and no process works on one; yields the number of each."""
    while True:
        with study.next_trial() as trial:
            if trial is not None:
                carry_out(study, trial)
                yield trial.number
                continue
        if not study.busy():
            return
        time.sleep(PAUSE)


def _chosen(study: LiveStudy, confirmed: list[recorded.Confirmed]) -> Found:
    problem, trials = study.problem, study.trials
    order = ranked(problem, trials)
    if not order:
        reasons = [one.user_attrs[REASON] for one in trials if REASON in one.user_attrs]
        raise TrainingError(
            f"candidate {problem.name!r}: none of {len(trials)} trials came to an end"
            + (f", the first because {reasons[0]}" if reasons else "")
            + "; search other values, or without a pruner"
        )
    places = {one.number: place for place, one in enumerate(trials)}
    chosen = places[order[0].number]
    if confirmed:
        means = in_order(
            problem,
            confirmed,
            value=lambda one: problem.metric.goodness(one.mean),
            cost=lambda one: trials[one.number].values[-1],
        )
        chosen = means[0].number
    elif problem.confirming:
        raise TrainingError(
            f"candidate {problem.name!r}: none of its best trials could be trained again with another seed; search "
            "lower learning rates, or set search.confirm to null"
        )
    record = recorded_study(problem, trials, confirmed, chosen)
    parameters = trials[chosen].params
    return Found(problem.candidate.at(parameters), record, kept_folder(study, trials[chosen].user_attrs[UNIT]))


def _nested(problem: Problem) -> recorded.Fold:
    """Search without a fold, and score the choice on it."""
    study = LiveStudy(problem)
    for _ in work(study):
        pass
    record = _chosen(study, confirm(study)).record
    chosen = record.chosen_trial
    again = record.confirmation
    units = problem.units(dict(chosen.parameters))
    wanted = problem.confirming or problem.tried
    for _ in units.finish(wanted):  # what another machine has trained is trained here again
        pass
    scores = [units.read(one).held_out[problem.metric.name] for one in wanted]
    return recorded.Fold(problem.fold, again.mean if again else chosen.value or 0.0, fmean(scores))


def _left(study: LiveStudy) -> int | None:
    """How many trials are still to come; None where minutes decide."""
    return None if study.expected is None else max(0, study.expected - study.ended)


def _announced(study: LiveStudy) -> str:
    """What there is to do, in a line."""
    search, known = study.problem.search, study.ended
    trials = [f"{study.expected} trials"] if study.expected is not None else []
    minutes = [f"{search.minutes:g} minutes of trials"] if search.minutes is not None else []
    budget = " or ".join([*trials, *minutes])
    again = f", {search.confirm.top} of them again with {search.confirm.seeds} further seeds" if search.confirm else ""
    done = f"; {known} are there already" if known else ""
    kept = f" ({study.kept} of {study.earlier} from before the space changed)" if study.earlier else ""
    seconds = forecast(study)
    time = "" if seconds is None else f"; about {duration(seconds)}"
    pruned = "" if seconds is None or search.pruner == "none" else ", less what the pruner saves"
    return f"searching {study.problem.name}: {budget}{again}{done}{kept}{time}{pruned}"
