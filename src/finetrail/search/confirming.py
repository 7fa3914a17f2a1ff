"""The trainings that confirm the best trials: each takes place once, on whichever machine has time for it."""

import logging
import time
from collections.abc import Iterator, Sequence

from finetrail.errors import TrainingError
from finetrail.progress import Track, quiet
from finetrail.runs import study as recorded
from finetrail.search.ranking import ranked
from finetrail.search.study import PAUSE, LiveStudy
from finetrail.units.unit import Unit
from finetrail.units.units import Units

log = logging.getLogger(__name__)


def confirm(study: LiveStudy, track: Track = quiet) -> list[recorded.Confirmed]:
    """Train the best trials again, each with seeds that the search has not used; what is there already stays."""
    problem = study.problem
    settings, trials = problem.search.confirm, study.trials
    if settings is None:
        return []
    best = {one.number: problem.units(one.params) for one in ranked(problem, trials)[: settings.top]}
    wanted = [(number, unit) for number in best for unit in problem.confirming]
    found = track(_values(study, best, wanted), total=len(wanted), what="confirming")
    values = {which: value for which, value in found if value is not None}
    seeds = tuple(unit.seed for unit in problem.confirming)
    places = {one.number: place for place, one in enumerate(trials)}
    return [
        recorded.Confirmed(places[number], seeds, tuple(values[number, unit] for unit in problem.confirming))
        for number in best
        if all((number, unit) in values for unit in problem.confirming)
    ]


def _values(
    study: LiveStudy, best: dict[int, Units], wanted: Sequence[tuple[int, Unit]]
) -> Iterator[tuple[tuple[int, Unit], float | None]]:
    """The metric of each training as soon as it is there, whoever trains it; None: it cannot be trained."""
    waiting = list(wanted)
    while waiting:
        busy = []
        for number, unit in waiting:
            key = best[number].key(unit)
            with study.confirming(key) as mine:
                value = study.confirmed(key)
                if value is None and not mine:
                    busy.append((number, unit))
                    continue
                if value is None:
                    value = _trained(study, best[number], number, unit)
            yield (number, unit), value
        waiting = busy
        if waiting:
            time.sleep(PAUSE)


def _trained(study: LiveStudy, units: Units, number: int, unit: Unit) -> float | None:
    try:
        for _ in units.finish([unit]):
            pass
    except TrainingError as error:  # with another seed it diverges: no choice to rely on
        log.warning("trial %d is not confirmed: %s", number, error)
        return None
    value = units.read(unit).val[study.problem.metric.name]
    study.add_confirmed(units.key(unit), value)
    return value
