"""How long a search will take: a few training steps of its methods are measured before it begins."""

from statistics import fmean, median

from finetrail.errors import FinetrailError
from finetrail.search.candidate import Searched
from finetrail.search.problem import Problem
from finetrail.search.study import SECONDS, LiveStudy
from finetrail.training.pace import Pace, measure
from finetrail.training.work import Work, build


def forecast(study: LiveStudy) -> float | None:
    """The seconds that are left, without what a pruner will save; None where nothing is known of them."""
    problem, search = study.problem, study.problem.search
    known = [one.user_attrs[SECONDS] for one in study.trials if SECONDS in one.user_attrs]
    once, each = (0.0, median(known)) if known else _measured(problem)
    if each is None:
        return None
    again = search.confirm.top * search.confirm.seeds / search.seeds if search.confirm else 0
    left = None if study.expected is None else max(0, study.expected - study.ended) * each / search.processes
    minutes = None if search.minutes is None else max(0.0, 60 * search.minutes - sum(known) / search.processes)
    return once + again * each + min(one for one in (left, minutes) if one is not None)


def _measured(problem: Problem) -> tuple[float, float | None]:
    """The seconds that all trials together take once, and those of each, as the mean over the ends of the space."""
    paces: dict[str, Pace | None] = {}
    points = problem.candidate.points
    for point in points:
        if _method(point) not in paces:
            paces[_method(point)] = _pace(problem, point)
    found = [(point, pace) for point in points if (pace := paces[_method(point)]) is not None]
    if not found:
        return 0.0, None
    each = fmean(_seconds(point, pace) for point, pace in found)
    return max(pace.once for _, pace in found), each * problem.search.seeds


def _method(point: Searched) -> str:
    return f"{point.adaptation.method} {point.backbone.model_dump_json()}"


def _seconds(point: Searched, pace: Pace) -> float:
    """Of one training. The features of a frozen backbone are there after the first one, for scoring too."""
    shared = pace.once + (0.0 if point.adaptation.merges else pace.scoring) if pace.once else 0.0
    return pace.seconds(point.train) - shared


def _pace(problem: Problem, point: Searched) -> Pace | None:
    """None where it cannot be trained: its trials will say why."""
    try:
        rows = problem.shared.rows(point)
        built = build(problem.workspace, problem.task, point, rows, problem.seed)
        inputs = problem.shared.inputs(point)
        return measure(Work(built, point, rows, inputs, rows.labels["train"], problem.seed), problem.workspace.scratch)
    except (FinetrailError, RuntimeError, MemoryError):
        return None
