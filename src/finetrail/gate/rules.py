"""The rules of the gate. Each is a function of the evidence and of section `gate:`; one without a number says nothing.

Non-inferiority (Piaggio et al., CONSORT extension, 2012): the challenger may be worse by less than a margin, and the
lower end of the interval of the paired difference must show it. So too few rows speak against a challenger, never
for it; where they are fewer than a rule asks for, it is not judged.
"""

from collections.abc import Callable
from itertools import compress

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Interval, bootstrap
from finetrail.gate.costs import latency_rules, size_rules
from finetrail.gate.evidence import Evidence
from finetrail.gate.paired import Right, Values, mcnemar, mean_difference
from finetrail.gate.robustness import drop_rules, perturbed_rules
from finetrail.gate.settings import Gate
from finetrail.gate.verdict import Ruling, bounded, outcome, unjudged

Rule = Callable[[Evidence, Gate], list[Ruling]]


def judge(evidence: Evidence, settings: Gate) -> tuple[Ruling, ...]:
    """Apply all rules."""
    return tuple(ruling for rule in _RULES for ruling in rule(evidence, settings))


def metric_rule(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """The metric is not worse by the margin or more; a first version beats the best constant answer."""
    metric = evidence.metric
    gap, one, other = _metric_gap(evidence, settings, np.ones(len(evidence.labels), dtype=np.bool_))
    values = f"{metric.say(one)} against {metric.say(other)}"
    if evidence.first:
        sentence = f"{metric.title} {values} for the best constant answer"
        return [bounded(metric.title, gap, 0.0, metric.say, sentence)]
    margin = metric.margin(settings.margin, other)
    return [bounded(metric.title, gap, -margin, metric.say, f"{metric.title} {values} for the champion")]


def mcnemar_rule(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """The challenger is not wrong significantly more often; only for tasks where a row is right or wrong."""
    right = _right(evidence)
    if evidence.first or right is None:
        return []
    one, other = right
    gained, lost = int((one & ~other).sum()), int((other & ~one).sum())
    p, alpha = mcnemar(gained, lost), 1 - settings.confidence
    sentence = f"only the challenger is right on {gained} rows, only the champion on {lost}"
    return [
        Ruling(
            "McNemar",
            outcome(not (lost > gained and p < alpha)),
            sentence,
            f"p {p:.3f}" if p >= 0.0005 else "p < 0.001",
            f">= {alpha:.3f} if worse",
            {"gained": gained, "lost": lost, "p": p, "alpha": alpha},
        )
    ]


def group_rules(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """No share or mean that a target names, such as the recall of a class, is worse by the margin or more."""
    if evidence.first:
        return []
    challenger, champion = (
        evidence.judge.groups(evidence.labels, answers) for answers in (evidence.challenger, evidence.champion)
    )
    margin, fewest = settings.class_margin, settings.class_rows
    return [
        _share_rule((right, champion[name][1]), settings, name, rows, margin=margin, fewest=fewest)
        for name, (rows, right) in challenger.items()
    ]


def slice_rules(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """No declared slice is worse by the margin or more: in the share of right answers, else in the metric."""
    if evidence.first:
        return []
    found = []
    right = _right(evidence)
    for name, rows in evidence.slices.items():
        rule = f"slice {name}"
        if right is not None:
            margin, fewest = settings.slice_margin, settings.slice_rows
            found.append(_share_rule(right, settings, rule, rows, margin=margin, fewest=fewest))
        elif rows.sum() < settings.slice_rows:
            found.append(_too_few(rule, rows, settings.slice_rows))
        else:
            metric = evidence.metric
            gap, one, other = _metric_gap(evidence, settings, rows)
            margin = metric.margin(settings.slice_margin, other)
            sentence = f"{metric.title} {metric.say(one)} against {metric.say(other)} on {rows.sum()} rows"
            found.append(bounded(rule, gap, -margin, metric.say, f"{rule}: {sentence}"))
    return found


def error_rules(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """No other error that a target measures, such as that of its probabilities, exceeds its limit."""
    found = []
    for name, error in evidence.judge.errors(evidence.labels, evidence.challenger).items():
        if settings.ece_margin is not None and not evidence.first:
            other = evidence.judge.errors(evidence.labels, evidence.champion)[name]
            bound = other + settings.ece_margin
            sentence = f"{name} error {error:.3f} against {other:.3f} for the champion"
            found.append(_at_most(name, error, bound, sentence))
        if settings.max_ece is not None:
            sentence = f"{name} error {error:.3f}, where {settings.max_ece:.3f} is allowed"
            found.append(_at_most(f"{name} bound", error, settings.max_ece, sentence))
    return found


def test_split_rule(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """Not too many models were scored on the test split: the best of many on the same rows is partly lucky."""
    count, most = evidence.models_scored, settings.models_per_test_split
    sentence = f"{count} different {'model was' if count == 1 else 'models were'} scored on this test split"
    if count > most:
        sentence += f", more than {most}: use a fresh test set"
    numbers = {"value": float(count), "bound": float(most)}
    return [Ruling("test split", outcome(count <= most), sentence, str(count), f"<= {most}", numbers)]


_RULES: tuple[Rule, ...] = (
    metric_rule,
    mcnemar_rule,
    group_rules,
    slice_rules,
    error_rules,
    drop_rules,
    perturbed_rules,
    latency_rules,
    size_rules,
    test_split_rule,
)


def _metric_gap(evidence: Evidence, settings: Gate, rows: Right) -> tuple[Interval, float, float]:
    """How much better the challenger is, with its interval, and the values of both models."""
    labels, groups = (list(compress(values, rows)) for values in (evidence.labels, evidence.groups))
    answers = [one[rows] for one in (evidence.challenger, evidence.champion)]
    draws = Draws(settings.resamples, settings.seed, settings.confidence)
    resampled = bootstrap(evidence.judge, labels, answers, draws, groups=groups if evidence.judge.by_group else None)
    name, lower = evidence.metric.name, evidence.metric.lower
    one, other = (float(value) for value in resampled.point[name])
    better, worse = (1, 0) if lower else (0, 1)
    return resampled.difference(name, better, worse, settings.confidence), one, other


def _share_rule(
    right: tuple[Values, Values], settings: Gate, rule: str, rows: Right, *, margin: float, fewest: int
) -> Ruling:
    """Args: right: which answers of the challenger and of the champion are right (n,), or how right."""
    if rows.sum() < fewest:
        return _too_few(rule, rows, fewest)
    one, other = (of_model[rows] for of_model in right)
    gap = mean_difference(one, other, confidence=settings.confidence, resamples=settings.resamples, seed=settings.seed)
    sentence = f"{rule}: {one.mean():.3f} against {other.mean():.3f} for the champion on {rows.sum()} rows"
    return bounded(rule, gap, -margin, "{:.3f}".format, sentence)


def _too_few(rule: str, rows: Right, fewest: int) -> Ruling:
    return unjudged(rule, f"{rule}: {rows.sum()} of the {fewest} rows needed to judge it")


def _right(evidence: Evidence) -> tuple[Right, Right] | None:
    one = evidence.judge.right(evidence.labels, evidence.challenger)
    other = evidence.judge.right(evidence.labels, evidence.champion)
    return None if one is None or other is None else (one, other)


def _at_most(rule: str, value: float, bound: float, sentence: str) -> Ruling:
    holds = value <= bound
    return Ruling(rule, outcome(holds), sentence, f"{value:.3f}", f"<= {bound:.3f}", {"value": value, "bound": bound})
