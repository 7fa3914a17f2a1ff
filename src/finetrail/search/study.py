"""A study: the trials so far, in Optuna's storage, and the next one. Several processes may work on one at once."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import PartialFixedSampler
from optuna.trial import FrozenTrial, TrialState

from finetrail.search.claims import Claim
from finetrail.search.problem import Problem
from finetrail.search.regret import little_to_gain
from finetrail.search.samplers import build_pruner, build_sampler
from finetrail.search.space import Parameters
from finetrail.search.storage import open_storage, study_folder

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds between two looks at what another process works on."""

UNIT, STARTS, CURVE = "unit", "starts", "curve"
"""Attributes of a trial: the key of its first training, the step of each start, and its evaluations so far."""
BEGUN = "begun"
"""The attribute of a study that has taken over what it can of earlier ones: what its values are, see `_values_are`."""
SECONDS, SIZES, MEMORY, REASON, KEPT = "seconds", "parameters", "memory_mb", "reason", "kept"
"""And: what it took, the parameters of its model, why it failed, and whether it comes from an earlier study."""


class LiveStudy:
    """The study of a candidate, new or gone on with.

    Attributes:
        optuna: the study in its storage.
        kept, earlier: how many trials earlier studies had, and how many of these are legal in this one; 0 where it is
            not new.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.folder = study_folder(problem.workspace, problem.name)
        fold = f" without fold {problem.fold} of {problem.folds}" if problem.fold else ""
        group = f"{problem.project}/{problem.name}{fold}/"
        name = group + problem.key[:16]
        storage, self._claims = open_storage(problem.workspace, problem.name, name)
        self.kept = self.earlier = 0
        with self._claims.alone():
            known = [one for one in optuna.get_all_study_names(storage) if one.startswith(group)]
            self.optuna = optuna.create_study(
                storage=storage,
                study_name=name,
                # The metric is told as a number where higher is better.
                directions=["maximize", "minimize"] if problem.search.cost else ["maximize"],
                pruner=build_pruner(problem.search),
                load_if_exists=True,
            )
            if BEGUN not in self.optuna.user_attrs:  # new, or killed before all was taken over
                others = [optuna.load_study(study_name=one, storage=storage) for one in known if one != name]
                self._take_over([one for one in others if one.user_attrs.get(BEGUN) == self._values_are])
                self.optuna.set_user_attr(BEGUN, self._values_are)

    @property
    def _values_are(self) -> dict[str, int | str | None]:
        """The mean over so many seeds, and which cost: trials of other values are no trials of this study."""
        return {"seeds": self.problem.search.seeds, "cost": self.problem.search.cost}

    @property
    def trials(self) -> list[FrozenTrial]:
        """Those that count, by number: not what was cut off before all its parameters were drawn."""
        return [one for one in self.optuna.get_trials(deepcopy=False) if self.problem.candidate.space.holds(one.params)]

    @property
    def ended(self) -> int:
        """How many of them have come to an end, good or not."""
        return sum(one.state.is_finished() for one in self.trials)

    @property
    def expected(self) -> int | None:
        """How many trials there will be; None where minutes decide."""
        search = self.problem.search
        points = self.problem.candidate.space.size if search.sampler == "grid" else None
        most = [one for one in (points, search.trials) if one is not None]
        return min(most) if most else None

    @contextmanager
    def next_trial(self) -> Iterator[optuna.Trial | None]:
        """Yields a trial that is this process's alone as long as the context lasts; None: there is none to begin.

        The first choice is one whose process was killed: it goes on from its checkpoint.
        """
        with self._claims.alone():
            found = self._orphan() or self._new()
        if found is None:
            yield None
            return
        trial, claim = found
        try:
            yield trial
        except UpdateFinishedTrialError:  # the claim was lost while the database was away
            log.warning("candidate %r, trial %d: another process has ended it", self.problem.name, trial.number)
        finally:
            claim.release()

    @contextmanager
    def confirming(self, key: str) -> Iterator[bool]:
        """Yields whether a training that confirms a trial is this process's alone as long as the context lasts.

        Args:
            key: of its unit.
        """
        claim = self._claims.take(key[:16])
        try:
            yield claim is not None
        finally:
            if claim is not None:
                claim.release()

    def confirmed(self, key: str) -> float | None:
        """The metric of such a training, wherever it took place; None: there is none yet."""
        known: float | None = self.optuna.user_attrs.get(key)
        return known

    def add_confirmed(self, key: str, value: float) -> None:
        """Note the metric of such a training."""
        self.optuna.set_user_attr(key, value)

    def busy(self) -> bool:
        """Whether another process works on a trial, or has left one behind."""
        return any(one.state == TrialState.RUNNING for one in self.trials)

    def _orphan(self) -> tuple[optuna.Trial, Claim] | None:
        for one in self.optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            claim = self._claims.take(str(one.number))
            if claim is None:
                continue
            if not self._runs(one.number):  # it ended between the look and the claim
                claim.release()
                continue
            trial = optuna.Trial(self.optuna, one._trial_id)
            if not self.problem.candidate.space.holds(one.params):
                self.optuna.tell(trial, state=TrialState.FAIL)
            elif self._goes_on(trial):
                log.warning("candidate %r, trial %d was cut off: it goes on", self.problem.name, one.number)
                return trial, claim
            else:
                trial.set_user_attr(REASON, "its process was killed again and again at the same step")
                self.optuna.tell(trial, state=TrialState.FAIL)
            claim.release()
        return None

    def _runs(self, number: int) -> bool:
        return any(one.number == number for one in self.optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))

    def _goes_on(self, trial: optuna.Trial) -> bool:
        """Whether to try a trial once more that was cut off; not where each try has come no further.

        Where several processes work, it is the trial that killed its own; one alone may be killed by anybody.
        """
        starts = trial.user_attrs.get(STARTS, [])
        most = 2 if self.problem.search.processes > 1 else 5
        return len(starts) < most or len(set(starts[-most:])) > 1

    def _new(self) -> tuple[optuna.Trial, Claim] | None:
        trials, search, space = self.trials, self.problem.search, self.problem.candidate.space
        if self._spent(trials):
            return None
        sampler = build_sampler(search, self.problem.seed, len(trials))
        if search.sampler == "grid":
            tried = [one.params for one in trials]
            point = next((one for one in space.grid if one not in tried), None)
            if point is None:
                return None
            sampler = PartialFixedSampler(dict(point), sampler)
        self.optuna.sampler = sampler
        trial = self.optuna.ask()
        claim = self._claims.begin(str(trial.number))
        space.drawn(lambda dimension: dimension.suggest(trial))
        return trial, claim

    def _spent(self, trials: list[FrozenTrial]) -> bool:
        """Whether the budget is used up, or more trials would gain little."""
        search = self.problem.search
        if search.trials is not None and len(trials) >= search.trials:
            return True
        seconds = [one.user_attrs[SECONDS] for one in trials if SECONDS in one.user_attrs]
        if search.minutes is not None and seconds:
            # A trial that will not end in time is not begun.
            running = len(trials) - len(seconds)
            if (sum(seconds) + (running + 1) * median(seconds)) / search.processes > 60 * search.minutes:
                return True
        return search.stop_early and little_to_gain(self.problem, trials)

    def _take_over(self, studies: list[optuna.Study]) -> None:
        """Begin with the trials of earlier studies that are trainings of this one too."""
        there = {one.user_attrs.get(UNIT) for one in self.optuna.get_trials(deepcopy=False)}
        kept: set[str] = set()
        for study in reversed(studies):
            for one in study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED)):
                unit = one.user_attrs.get(UNIT, "")
                if unit in kept:
                    continue
                self.earlier += 1
                if self._same_training(one.params, unit):
                    kept.add(unit)
                    if unit not in there:
                        self.optuna.add_trial(self._moved(one))
        self.kept = len(kept)

    def _same_training(self, parameters: Parameters, unit: str) -> bool:
        if not self.problem.candidate.space.holds(parameters):
            return False
        return self.problem.units(parameters).key(self.problem.tried[0]) == unit

    def _moved(self, one: FrozenTrial) -> FrozenTrial:
        """The same trial with the distributions of this space."""
        spaces = {dimension.name: dimension.distribution for dimension in self.problem.candidate.space.dimensions}
        return optuna.trial.create_trial(
            state=one.state,
            values=one.values,
            params=one.params,
            distributions={name: spaces[name] for name in one.params},
            user_attrs={**one.user_attrs, KEPT: True},
            intermediate_values=one.intermediate_values,
        )
