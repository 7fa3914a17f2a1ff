"""The rules on perturbed validation rows: how much may be lost there, and that the champion does no better."""

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Resampled, bootstrap, mean_drop
from finetrail.gate.evidence import Evidence, Perturbed
from finetrail.gate.settings import Gate
from finetrail.gate.verdict import Ruling, bounded, outcome

DROP, GAIN = "robustness", "perturbed rows"
"""The names of the rules."""


def drop_rules(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """The metric drops by at most a bound when rows are perturbed, on average over perturbations and severities."""
    found, metric = evidence.perturbed, evidence.metric
    if found is None or settings.max_drop is None:
        return []
    resampled = _resampled(evidence, found, settings)
    drop = mean_drop(resampled, metric, 0, range(1, len(found.challenger)), settings.confidence)
    bound = metric.margin(settings.max_drop, float(resampled.point[metric.name][0]))
    say = metric.say
    sentence = (
        f"{metric.title} drops by {say(drop.value)} ({say(drop.low)} to {say(drop.high)}) on average on "
        f"{len(found.labels)} validation rows under {found.ways}, where {say(bound)} is allowed"
    )
    numbers = {"value": drop.value, "low": drop.low, "high": drop.high, "bound": bound}
    holds = drop.value <= bound
    return [Ruling(DROP, outcome(holds), sentence, say(drop.value), f"<= {say(bound)}", numbers)]


def perturbed_rules(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """On the same perturbed rows the challenger is not worse than the champion by the margin or more."""
    found, metric = evidence.perturbed, evidence.metric
    if found is None or settings.perturbed_margin is None or not found.champion:
        return []
    resampled = _resampled(evidence, found, settings)
    count = len(found.challenger)
    places = [list(range(1, count)), list(range(count + 1, 2 * count))]

    def gain(values: Floats) -> Floats:
        one, other = (values[at].mean(axis=0) for at in places)
        better: Floats = np.asarray(other - one if metric.lower else one - other)
        return better

    gap = resampled.interval_of(metric.name, gain, settings.confidence)
    one, other = (float(resampled.point[metric.name][at].mean()) for at in places)
    sentence = f"{metric.title} {metric.say(one)} against {metric.say(other)} for the champion under {found.ways}"
    return [bounded(GAIN, gap, -metric.margin(settings.perturbed_margin, other), metric.say, sentence)]


def _resampled(evidence: Evidence, found: Perturbed, settings: Gate) -> Resampled:
    """All answers on the same resamples, those of the challenger first."""
    draws = Draws(settings.resamples, settings.seed, settings.confidence)
    groups = found.groups if evidence.judge.by_group else None
    answers = [*found.challenger, *found.champion]
    return bootstrap(evidence.judge, found.labels, answers, draws, groups=groups)
