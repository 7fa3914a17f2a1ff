"""Answers that are probably wrong: those that a model which did not see them finds improbable."""

import numpy as np

from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.targets.spans.codec import SpanAnswers
from finetrail.targets.spans.confidence import fit_temperature, top_probability
from finetrail.targets.spans.judge import EXACT, F1, Labels, SpanJudge
from finetrail.targets.spans.reading import Answer, answers_of, to_label
from finetrail.targets.suspicion import Suspicion

LEAST_SURE = 0.5


def suspects(judge: SpanJudge, labels: Labels, answers: SpanAnswers) -> Suspicion:
    """The quality of a label is the probability of its answers among the likeliest.

    A label is flagged where the model gives an answer that shares no word with it, and is as sure of that as it is on
    average of answers that are right: the rule of confident learning, for the two classes right and wrong. How sure it
    is gets calibrated on these rows: an answer that is more often wrong than right says nothing about a label.
    """
    facts = judge.facts(labels, answers)
    right, wrong = facts[:, EXACT] == 1, facts[:, F1] == 0
    logits = [judge.codec.logits(one) for one in answers.found]
    temperature = fit_temperature(logits, right)
    sure = np.array([top_probability(one, temperature) for one in logits])
    flagged = wrong & (sure >= max(LEAST_SURE, float(sure[right].mean()) if right.any() else 1.0))
    said = zip(answers.texts, answers.places, flagged.tolist(), strict=True)
    suggestions = [
        (to_label([Answer(text, place[0])]) if text else to_label([])) if doubtful else None
        for text, place, doubtful in said
    ]
    return Suspicion(_quality(judge, labels, answers), flagged, suggestions)


def _quality(judge: SpanJudge, labels: Labels, answers: SpanAnswers) -> Floats:
    """The probability (n,) of the spans of each label; of no answer, where it has none."""
    found = np.zeros(len(labels))
    for row, (label, one) in enumerate(zip(labels, answers.found, strict=True)):
        logits = judge.codec.logits(one) / judge.codec.temperature
        if not len(logits):
            continue
        likely = np.exp(logits - logits.max())
        likely /= likely.sum()
        own = {(answer.start, answer.end) for answer in answers_of(label)}
        among = np.array([(start, end) in own for start, end in one.spans.tolist()], dtype=np.bool_)
        none = judge.codec.unanswerable and not own
        found[row] = likely[-1] if none else likely[: len(among)][among].sum()
    return found
