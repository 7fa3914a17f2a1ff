"""The rule of `select` on the answers of candidates. Numpy alone; assessments ask what else would have been chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Interval, Resampled, bootstrap, point_scores
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Choice, Selection, Standing, choose
from finetrail.evaluation.validators.validator import Validator
from finetrail.targets.results import Result, cheapest_first, refuse_other_rows, resampled_runs


def choice_among(
    results: Sequence[Result], settings: Selection, metric: Metric, material: Mapping[str, Floats] | None = None
) -> Choice:
    """Choose one of some candidates, whose order does not matter.

    Args:
        metric: the one that `settings` names.
        material: of each candidate, where `settings` has a validator: the `answers` of `Validator.facts`.

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
    if by.validator is not None:
        compared = _validated(by.validator, results, settings, material or {})
        scores = [compared.interval(by.validator.method, model, settings.confidence) for model in range(len(results))]
        standings = [_with(one, score) for one, score in zip(standings, scores, strict=True)]
    else:
        compared = _compared(found, parts, settings, metric)
    judged = by.compared(metric)
    # Among equal values argmax picks the first as the leader: the cheapest.
    leader = int(np.argmax([judged.goodness(by.of(one, metric)) for one in standings]))
    behind = []
    for model in range(len(results)):
        more, less = (model, leader) if judged.lower else (leader, model)  # the larger value stands first
        behind.append(compared.difference(judged.name, more, less, settings.confidence))
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


def _validated(
    validator: Validator, results: Sequence[Result], settings: Selection, material: Mapping[str, Floats]
) -> Resampled:
    """The validator's scores of the candidates, on the rows that it reads and on each resample of them."""
    rows, draws = results[0].rows, Draws(settings.resamples, settings.seed, settings.confidence)
    answers = [material[one.candidate] for one in results]
    grouped = validator.weighs and results[0].codec.judge.by_group and "group" in rows
    groups = rows["group"].tolist() if grouped else None
    return bootstrap(validator, range(len(answers[0])), answers, draws, groups=groups)


def _with(one: Standing, score: Interval) -> Standing:
    """The same with the validator's score."""
    return replace(one, validated=score.value, validated_low=score.low, validated_high=score.high)


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
