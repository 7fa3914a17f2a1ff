"""A study as study.json has it."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from optuna.trial import FrozenTrial, TrialState

from finetrail.evaluation.scores.metric import amount
from finetrail.runs import study as recorded
from finetrail.search.problem import Problem
from finetrail.search.ranking import pareto
from finetrail.search.study import CURVE, KEPT, MEMORY, REASON, SECONDS, SIZES

_STATES: dict[TrialState, recorded.State] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


def recorded_study(
    problem: Problem, trials: Sequence[FrozenTrial], confirmed: Sequence[recorded.Confirmed], chosen: int
) -> recorded.Study:
    """The content of study.json.

    Args:
        trials: those that count; a trial's number in the record is its place among them.
        chosen: the place of the chosen one.
    """
    complete = [place for place, one in enumerate(trials) if one.state == TrialState.COMPLETE]
    best = max(complete, key=lambda place: trials[place].values[0])
    places = {one.number: place for place, one in enumerate(trials)}
    found = replace(
        begun_study(problem),
        trials=tuple(recorded_trials(problem, trials)),
        best=best,
        chosen=chosen,
        pareto=tuple(places[number] for number in pareto(trials)),
        confirmed=tuple(confirmed),
    )
    return replace(found, said=_said(problem, found, found.trials[best], found.trials[chosen]))


def begun_study(problem: Problem) -> recorded.Study:
    """What is known of a study before its first trial."""
    search = problem.search
    return recorded.Study(
        key=problem.key[:16],
        sampler=search.sampler,
        pruner=search.pruner,
        seed=problem.seed,
        metric=problem.metric.name,
        higher_is_better=not problem.metric.lower,
        space=tuple(problem.candidate.space.recorded),
        trials=(),
        cost=search.cost,
        tolerance=None if search.cost is None else search.tolerance,
    )


def with_folds(problem: Problem, found: recorded.Study, folds: Sequence[recorded.Fold]) -> recorded.Study:
    """A study with what such a search reached on rows that it did not see."""
    if not folds:
        return found
    metric, reached = problem.metric, fmean(one.held_out for one in folds)
    promised = fmean(one.value for one in folds)
    said = (
        f"{found.said}; searches without a fold of the training rows reached {metric.say(reached)} on that fold, where "
        f"the validation rows promised {metric.say(promised)}"
    )
    return replace(found, nested=tuple(folds), said=said)


def recorded_trials(problem: Problem, trials: Sequence[FrozenTrial]) -> list[recorded.Trial]:
    """Those that have ended, each with its place as its number. Args: trials: all that count."""
    return [_recorded(problem, place, one) for place, one in enumerate(trials) if one.state.is_finished()]


def _recorded(problem: Problem, place: int, one: FrozenTrial) -> recorded.Trial:
    known = one.user_attrs
    curve, sizes = known.get(CURVE, []), known.get(SIZES, {})
    complete = one.state == TrialState.COMPLETE
    return recorded.Trial(
        number=place,
        state=_STATES[one.state],
        parameters=one.params,
        value=problem.metric.goodness(one.values[0]) if complete else None,  # its own inverse
        cost=one.values[1] if complete and problem.search.cost else None,
        curve=tuple(curve),
        seconds=known.get(SECONDS, 0.0),
        seed=problem.seed,
        epochs=curve[-1]["epoch"] if curve else 0,
        trainable_parameters=sizes.get("trainable"),
        total_parameters=sizes.get("total"),
        peak_memory_mb=known.get(MEMORY),
        reason=known.get(REASON),
        kept=KEPT in known,
    )


def _said(problem: Problem, found: recorded.Study, best: recorded.Trial, chosen: recorded.Trial) -> str:
    """Why the chosen trial was chosen, in a line."""
    metric, again = problem.metric, found.confirmation
    said = f"trial {chosen.number} of {len(found.trials)}"
    if found.cost is not None and chosen.cost is not None:
        lowest = f"{found.cost} ({amount(chosen.cost)})"
        said += f", the one with the lowest {lowest} of those within {found.tolerance:g} of the best"
    if again is None or found.optimism is None or best.value is None:
        return f"{said}: {metric.title} {metric.say(chosen.value or 0.0)}, not confirmed"
    luck = f"too good by {metric.say(found.optimism)}" if found.optimism > 0 else "not too good"
    return (
        f"{said}: {metric.title} {metric.say(again.mean)} on average over {len(again.seeds)} further seeds; the best "
        f"single value, {metric.say(best.value)} of trial {best.number}, was {luck}"
    )
