"""A study in MLflow: one run for the study, and nested in it one for each trial.

The study's run stands beside those of the candidates, not above that of its own: so the table of runs still compares
candidates line by line, and a study is one more line, which opens to its trials. It exists while they run, when nobody
knows yet which of them becomes the candidate. The files are the truth here too: what is missing is added from them.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from finetrail.evaluation.scores.metric import setting
from finetrail.runs.mlflow_errors import tracking_errors
from finetrail.runs.record import curve_metrics
from finetrail.runs.study import Study, Trial

if TYPE_CHECKING:
    from mlflow.entities import Run

    from finetrail.runs.tracking import Tracker

STUDY, TRIAL, STATE, CHOSEN = "finetrail.study", "finetrail.trial", "finetrail.state", "finetrail.chosen_trial"
"""Tags: of the study's run its candidate and key; of a trial's its number, state, and whether it is chosen."""
CANDIDATE_RUN, SEARCH_RUN = "finetrail.candidate_run", "finetrail.search_run"
"""Tags by which the study's run and its candidate's name each other."""
MIRRORED = "finetrail.trials"
"""The tag of a study's run that says how many trials it has, once it is over."""
_PARENT, _NOTE = "mlflow.parentRunId", "mlflow.note.content"
# A pruned trial is no failure, and MLflow shows KILLED and FAILED alike.
_STATUS = {"complete": "FINISHED", "pruned": "FINISHED", "failed": "FAILED"}


class StudyRuns:
    """The runs of a study. They are found again by their tags: one that was cut off is completed, and none is doubled.

    The study's own run is opened here: where several processes carry out trials, before they start.

    Args:
        study: so far; it may have no trials yet.

    Attributes:
        run_id: of the study's own run.

    Raises:
        TrackingError: the server or database does not answer.
    """

    def __init__(self, tracker: "Tracker", candidate: str, study: Study) -> None:
        self._tracker, self._study = tracker, study
        tags = {STUDY: f"{candidate}/{study.key}", "finetrail.candidate": candidate}
        run = next(self._tagged(STUDY, tags[STUDY]), None)
        self._tags: Mapping[str, str] = run.data.tags if run else {}
        self._over = run is not None and run.info.status == "FINISHED"
        if run is None:
            run = self._open(f"{candidate}: search", tags)
            spaces = {f"space.{one.name}": one.described for one in study.space}
            self._write(run, params={"sampler": study.sampler, "pruner": study.pruner, **spaces})
        self.run_id = str(run.info.run_id)

    @cached_property
    def _trials(self) -> dict[str, "Run"]:
        """The runs of the trials, by number, as they were when first looked at."""
        return {one.data.tags.get(TRIAL, ""): one for one in self._tagged(_PARENT, self.run_id)}

    @cached_property
    def _ended(self) -> set[str]:
        return {number for number, one in self._trials.items() if one.info.status != "RUNNING"}

    def add(self, trial: Trial) -> None:
        """Add a trial that has ended, unless it is there."""
        number, took = str(trial.number), round(1000 * trial.seconds)
        if number in self._ended:
            return
        run = self._trials.get(number) or self._open(self._named(trial), self._tags_of(trial), took)
        values = {"seconds": trial.seconds}
        if trial.value is not None:
            values[f"val_{self._study.metric}"] = trial.value
        if trial.cost is not None:
            values[f"cost_{self._study.cost}"] = trial.cost
        points = [(curve_metrics("val", point), int(point["step"])) for point in trial.curve]
        params = {name: str(value) for name, value in trial.parameters.items()}
        self._write(run, params=params, points=[*points, (values, 0)])
        with tracking_errors(self._tracker.uri):
            end = run.info.start_time + took
            self._tracker.client.set_terminated(run.info.run_id, _STATUS[trial.state], end)
        self._trials[number] = run
        self._ended.add(number)

    def finish(self, study: Study, run_id: str) -> None:
        """Add what is missing, say what was chosen, and tie the study to the run of its candidate.

        Args:
            study: in the end.
            run_id: of the candidate's run.
        """
        done = {MIRRORED: str(len(study.trials)), CANDIDATE_RUN: run_id}
        if self._over and done.items() <= self._tags.items():
            return
        for trial in study.trials:
            self.add(trial)
        for number, run in self._trials.items():
            chosen = "yes" if number == str(study.chosen) else "no"
            if chosen != run.data.tags.get(CHOSEN, "no"):
                self._tracker.tag(run.info.run_id, {CHOSEN: chosen})
        self._tracker.tag(run_id, {SEARCH_RUN: self.run_id})
        self._tracker.log(self.run_id, _summary(study), len(study.trials))
        self._tracker.tag(self.run_id, done | {_NOTE: study.said})
        self._tracker.end(self.run_id)

    def _named(self, trial: Trial) -> str:
        names = self._study.short_names
        parts = [f"{names.get(name, name)} {setting(value)}" for name, value in trial.parameters.items()]
        state = [] if trial.state == "complete" else [trial.state]
        return " · ".join([f"trial {trial.number}", *state, *parts])

    def _tags_of(self, trial: Trial) -> dict[str, str]:
        reason = {} if trial.reason is None else {_NOTE: trial.reason[:5000]}
        return {_PARENT: self.run_id, TRIAL: str(trial.number), STATE: trial.state} | reason

    def _open(self, name: str, tags: Mapping[str, str], took: int = 0) -> "Run":
        """Open a run. Args: took: milliseconds since what it shows began."""
        from mlflow.utils.time import get_current_time_millis

        with tracking_errors(self._tracker.uri):
            return self._tracker.client.create_run(
                self._tracker.experiment_id, get_current_time_millis() - took, dict(tags), name
            )

    def _write(
        self, run: "Run", *, params: Mapping[str, str], points: Sequence[tuple[Mapping[str, float], int]] = ()
    ) -> None:
        """Log settings and points, all at once. Repeating this adds nothing: equal points at one time are one."""
        from mlflow.entities import Metric, Param

        at = run.info.start_time
        metrics = [Metric(name, value, at, step) for values, step in points for name, value in values.items()]
        with tracking_errors(self._tracker.uri):
            self._tracker.client.log_batch(
                run.info.run_id, metrics=metrics, params=[Param(name, value) for name, value in params.items()]
            )

    def _tagged(self, tag: str, value: str) -> Iterator["Run"]:
        """All runs with this tag."""
        token: Any = None
        with tracking_errors(self._tracker.uri):
            while True:
                found = self._tracker.client.search_runs(
                    [self._tracker.experiment_id], f"tags.`{tag}` = '{value}'", page_token=token
                )
                yield from found
                token = found.token
                if not token:
                    return


def _summary(study: Study) -> dict[str, float]:
    """The numbers of a study: those of the candidates' runs have the same names."""
    found: dict[str, float] = {"seconds": sum(one.seconds for one in study.trials)}
    if study.best is not None and (best := study.trial(study.best).value) is not None:
        found[f"val_{study.metric}"] = best
    if study.confirmation is not None and study.optimism is not None:
        found |= {f"confirmed_val_{study.metric}": study.confirmation.mean, "optimism": study.optimism}
    return found
