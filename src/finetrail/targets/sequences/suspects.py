"""Texts that are probably wrong: those unlike the answer of which a model is sure."""

from collections.abc import Sequence

import numpy as np

from finetrail.targets.numbers.suspects import FAR, NORMAL
from finetrail.targets.sequences.codec import SequenceAnswers
from finetrail.targets.sequences.judge import SequenceJudge
from finetrail.targets.suspicion import Suspicion


def suspects(judge: SequenceJudge, labels: Sequence[str], answers: SequenceAnswers) -> Suspicion:
    """The quality of a label falls with its distance from the answer, and with how sure the model is of that.

    Outliers are flagged: a good model can write another text as well, so that distance alone says little.
    """
    quality = 1 - judge.row_errors(labels, answers) * judge.codec.confidence(answers)
    below = np.median(quality) - quality
    flagged = below > FAR * NORMAL * max(float(np.median(np.abs(below))), 1e-9)
    return Suspicion(
        quality, flagged, [text if doubtful else None for text, doubtful in zip(answers.texts, flagged, strict=True)]
    )
