"""A study in MLflow while its trials run."""

import logging
import time
from collections.abc import Iterable

from finetrail.errors import TrackingError
from finetrail.runs import tracking
from finetrail.runs.study import Study, Trial
from finetrail.runs.tracking import Tracker
from finetrail.runs.trials import StudyRuns
from finetrail.workspace import Workspace

log = logging.getLogger(__name__)


class Mirror:
    """Shows each trial once it has ended. The process that leads the search does, whoever carried the trial out.

    A server that is down for a while does not stop the search: what it lacks is shown later, in the end by `select`.

    Args:
        study: before its first trial.
        pause: seconds to wait after a failed try, because the search waits during each try.

    Raises:
        TrackingError: the server or database does not answer at the start.
    """

    def __init__(self, tracker: Tracker, candidate: str, study: Study, pause: float = 60.0) -> None:
        self._runs = StudyRuns(tracker, candidate, study)
        self._pause = pause
        self._ask_from = 0.0

    def show(self, trials: Iterable[Trial]) -> None:
        """Show those that are not there yet. Args: trials: all that have ended."""
        if time.monotonic() < self._ask_from:
            return
        try:
            for one in trials:
                self._runs.add(one)
        except TrackingError as error:
            self._ask_from = time.monotonic() + self._pause
            log.warning("%s; the search goes on, its trials wait", error)


def show_outcome(workspace: Workspace, project: str, candidate: str, study: Study, run_id: str) -> None:
    """Close the run of a study, and tie it to that of its candidate. Args: run_id: the candidate's."""
    try:
        tracker = tracking.connect(workspace, project)
        StudyRuns(tracker, candidate, study).finish(study, run_id)
    except TrackingError as error:
        log.warning("%s; `select` will show the end of the search", error)
