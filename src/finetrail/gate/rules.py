"""The rules of the gate. Each is a function of the evidence and of section `gate:`; one without a number says nothing.

Non-inferiority (Piaggio et al., CONSORT extension, 2012): the challenger may be worse by less than a margin, and the
lower end of the interval of the paired difference has to show it. So too few rows speak against a challenger, never
for it; where they are fewer than a rule asks for, it is not judged.
"""

from collections.abc import Callable, Mapping

import numpy as np

from finetrail.evaluation.bootstrap import Interval, bootstrap, bootstrap_numbers
from finetrail.gate.costs import latency_rules, size_rules
from finetrail.gate.evidence import Evidence
from finetrail.gate.paired import Right, mcnemar, share_difference
from finetrail.gate.settings import Gate
from finetrail.gate.verdict import Ruling, outcome, unjudged
from finetrail.targets.classes.calibration import calibration
from finetrail.targets.classes.metrics import Floats
from finetrail.targets.problem import CLASSIFICATION, METRICS, REGRESSION, ProblemType

Rule = Callable[[Evidence, Gate], list[Ruling]]


def judge(evidence: Evidence, settings: Gate) -> tuple[Ruling, ...]:
    """Apply all rules."""
    return tuple(ruling for rule in _RULES[evidence.problem] for ruling in rule(evidence, settings))


def metric_rule(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """The metric is not worse by the margin or more; a first version beats the best constant answer."""
    metric = METRICS[settings.metric]
    everything = np.ones(len(evidence.actual), dtype=np.bool_)
    gap, one, other = _metric_gap(evidence, settings, settings.metric, everything)
    values = f"{metric.say(one)} against {metric.say(other)}"
    if evidence.first:
        sentence = f"{metric.title} {values} of the best constant answer"
        return [_bounded(metric.title, gap, 0.0, metric.say, sentence)]
    margin = settings.margin * (abs(other) if metric.in_unit else 1.0)
    return [_bounded(metric.title, gap, -margin, metric.say, f"{metric.title} {values} of the champion")]


def mcnemar_rule(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """The challenger is not wrong significantly more often."""
    if evidence.first:
        return []
    one, other = _right(evidence)
    gained, lost = int((one & ~other).sum()), int((other & ~one).sum())
    p, alpha = mcnemar(gained, lost), 1 - settings.confidence
    sentence = f"{gained} rows are right with the challenger alone, {lost} with the champion alone"
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


def class_rules(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """The recall of no class is worse by the margin or more."""
    if evidence.first:
        return []
    found = []
    for number, label in enumerate(evidence.labels):
        rows = evidence.actual == number
        margin, fewest = settings.class_margin, settings.class_rows
        found.append(_share_rule(evidence, settings, f"recall of {label}", rows, margin=margin, fewest=fewest))
    return found


def slice_rules(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """No declared slice is worse by the margin or more: in accuracy, or of numbers in the metric."""
    if evidence.first:
        return []
    found = []
    for name, rows in evidence.slices.items():
        rule = f"slice {name}"
        if evidence.problem == CLASSIFICATION.name:
            margin, fewest = settings.slice_margin, settings.slice_rows
            found.append(_share_rule(evidence, settings, rule, rows, margin=margin, fewest=fewest))
        elif rows.sum() < settings.slice_rows:
            found.append(_too_few(rule, rows, settings.slice_rows))
        else:
            metric = METRICS[settings.metric]
            gap, one, other = _metric_gap(evidence, settings, settings.metric, rows)
            margin = settings.slice_margin * (abs(other) if metric.in_unit else 1.0)
            sentence = f"{metric.title} {metric.say(one)} against {metric.say(other)} on {rows.sum()} rows"
            found.append(_bounded(rule, gap, -margin, metric.say, f"{rule}: {sentence}"))
    return found


def calibration_rules(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """The expected calibration error is not larger by the margin, and within its bound."""
    if evidence.challenger.probabilities is None:
        return []
    actual = evidence.actual.astype(np.int64)
    ece = calibration(evidence.challenger.probabilities, actual).ece
    found = []
    if settings.ece_margin is not None and not evidence.first and evidence.champion.probabilities is not None:
        other = calibration(evidence.champion.probabilities, actual).ece
        bound = other + settings.ece_margin
        sentence = f"calibration error {ece:.3f} against {other:.3f} of the champion"
        found.append(_at_most("calibration", ece, bound, sentence))
    if settings.max_ece is not None:
        sentence = f"calibration error {ece:.3f}, allowed are {settings.max_ece:.3f}"
        found.append(_at_most("calibration bound", ece, settings.max_ece, sentence))
    return found


def test_split_rule(evidence: Evidence, settings: Gate) -> list[Ruling]:
    """The test split was not looked at by too many models: the best of many on the same rows is so by luck too."""
    count, most = evidence.models_scored, settings.models_per_test_split
    sentence = f"{count} different {'model was' if count == 1 else 'models were'} scored on this test split"
    if count > most:
        sentence += f", more than {most}: take a fresh test set"
    numbers = {"value": float(count), "bound": float(most)}
    return [Ruling("test split", outcome(count <= most), sentence, str(count), f"<= {most}", numbers)]


_COMMON: tuple[Rule, ...] = (latency_rules, size_rules, test_split_rule)
_RULES: Mapping[ProblemType, tuple[Rule, ...]] = {
    CLASSIFICATION.name: (metric_rule, mcnemar_rule, class_rules, slice_rules, calibration_rules, *_COMMON),
    REGRESSION.name: (metric_rule, slice_rules, *_COMMON),
}


def _metric_gap(evidence: Evidence, settings: Gate, name: str, rows: Right) -> tuple[Interval, float, float]:
    """How much better the challenger is, with the interval of that, and the values of both."""
    drawn = {"resamples": settings.resamples, "seed": settings.seed}
    said = [one.predicted[rows] for one in (evidence.challenger, evidence.champion)]
    if evidence.problem == CLASSIFICATION.name:
        classes = [one.astype(np.int64) for one in (evidence.actual[rows], *said)]
        resampled = bootstrap(classes[0], classes[1:], len(evidence.labels), **drawn)
    else:
        numbers: list[Floats] = [one.astype(np.float64) for one in (evidence.actual[rows], *said)]
        resampled = bootstrap_numbers(numbers[0], numbers[1:], **drawn)
    one, other = (float(value) for value in resampled.point[name])
    better, worse = (1, 0) if METRICS[name].lower else (0, 1)
    return resampled.difference(name, better, worse, settings.confidence), one, other


def _share_rule(evidence: Evidence, settings: Gate, rule: str, rows: Right, *, margin: float, fewest: int) -> Ruling:
    if rows.sum() < fewest:
        return _too_few(rule, rows, fewest)
    one, other = (right[rows] for right in _right(evidence))
    gap = share_difference(one, other, confidence=settings.confidence, resamples=settings.resamples, seed=settings.seed)
    sentence = f"{rule}: {one.mean():.3f} against {other.mean():.3f} of the champion on {rows.sum()} rows"
    return _bounded(rule, gap, -margin, "{:.3f}".format, sentence)


def _too_few(rule: str, rows: Right, fewest: int) -> Ruling:
    return unjudged(rule, f"{rule}: {rows.sum()} of the {fewest} rows that it takes to judge it")


def _right(evidence: Evidence) -> tuple[Right, Right]:
    return evidence.challenger.predicted == evidence.actual, evidence.champion.predicted == evidence.actual


def _bounded(rule: str, gap: Interval, bound: float, say: Callable[[float], str], sentence: str) -> Ruling:
    """The lower end of a difference has to lie above a bound."""
    holds = gap.low > bound
    said = f"{sentence}; gain {say(gap.value)} ({say(gap.low)} to {say(gap.high)})"
    if not holds:
        said += f", and it has to be above {say(bound)} for certain"
    numbers = {"value": gap.value, "low": gap.low, "high": gap.high, "bound": bound}
    return Ruling(rule, outcome(holds), said, say(gap.low), f"> {say(bound)}", numbers)


def _at_most(rule: str, value: float, bound: float, sentence: str) -> Ruling:
    holds = value <= bound
    return Ruling(rule, outcome(holds), sentence, f"{value:.3f}", f"<= {bound:.3f}", {"value": value, "bound": bound})
