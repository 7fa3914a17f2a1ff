"""The rule of `select` on the answers of candidates. Numpy alone; assessments ask what else would have been chosen."""

from collections.abc import Sequence

import numpy as np

from finetrail.evaluation.scores.bootstrap import Floats, Interval, Resampled, point_scores
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Choice, Selection, Standing, choose
from finetrail.targets.results import Result, cheapest_first, refuse_other_rows, resampled_runs


def choice_among(results: Sequence[Result], settings: Selection, metric: Metric) -> Choice:
    """Choose one of some candidates, whose order does not matter.

    Args:
        metric: the one that `settings` names.

    Raises:
        WorkspaceError: they did not answer the same rows.
        ValueError: the criterion needs more seeds than a candidate has.
    """
    results = cheapest_first(results)
    refuse_other_rows(results)
    by = settings.criterion
    # Further seeds are scored only where they count: the draws depend on all that is scored together.
    runs = [one.runs if by.factor is not None else one.runs[:1] for one in results]
    found = resampled_runs(results[0].rows, [run for of_one in runs for run in of_one], settings)
    ends = np.cumsum([len(of_one) for of_one in runs]).tolist()
    parts = [slice(end - len(of_one), end) for end, of_one in zip(ends, runs, strict=True)]
    alone = [found.interval(metric.name, part.start, settings.confidence) for part in parts]
    standings = [_standing(one, own, metric) for one, own in zip(results, alone, strict=True)]
    # Among equal values argmax picks the first as the leader: the cheapest.
    leader = int(np.argmax([metric.goodness(by.of(one, metric)) for one in standings]))
    compared = _compared(found, parts, settings, metric)
    behind = []
    for model in range(len(results)):
        more, less = (model, leader) if metric.lower else (leader, model)  # the larger value stands first
        behind.append(compared.difference(metric.name, more, less, settings.confidence))
    return choose([one.behind(gap) for one, gap in zip(standings, behind, strict=True)], settings, metric)


def _standing(one: Result, own: Interval, metric: Metric) -> Standing:
    """A candidate, not yet compared with the leader."""
    values = []
    if one.further:
        labels = one.rows["label"].tolist()
        values = [point_scores(run.codec.judge, labels, run.answers)[metric.name] for run in one.runs]
    return Standing(
        candidate=one.candidate,
        value=own.value,
        low=own.low,
        high=own.high,
        difference=0.0,
        difference_low=0.0,
        difference_high=0.0,
        trainable_parameters=one.trainable,
        total_parameters=one.total,
        seeds=len(one.runs),
        mean=float(np.mean(values)) if values else None,
        std=float(np.std(values, ddof=1)) if values else None,
    )


def _compared(found: Resampled, parts: Sequence[slice], settings: Selection, metric: Metric) -> Resampled:
    """What two candidates are compared by, on the rows and on each resample: the value, or mean and spread."""
    by = settings.criterion

    def of(values: Floats) -> Floats:
        """Args: values: of all trainings (runs, ...). Returns: of the candidates (m, ...)."""
        if by.factor is None:
            return values[[part.start for part in parts]]
        spread = by.sign(metric) * by.factor
        return np.stack([values[part].mean(axis=0) + spread * values[part].std(axis=0, ddof=1) for part in parts])

    return Resampled({metric.name: of(found.point[metric.name])}, {metric.name: of(found.draws[metric.name])})
