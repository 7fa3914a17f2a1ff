"""Classes that are probably wrong: those that a model finds improbable."""

from collections.abc import Sequence

import numpy as np

from finetrail.targets.classes.codec import ClassCodec
from finetrail.targets.logits import Logits
from finetrail.targets.suspicion import Suspicion


def suspects(codec: ClassCodec, labels: Sequence[str], answers: Logits) -> Suspicion:
    """The quality of a label is its probability; as many as confident learning counts are flagged, the lowest."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    numbers, probabilities = codec.numbers(labels), np.exp(codec.log_probabilities(answers))
    best = probabilities.argmax(axis=1)
    return Suspicion(
        get_label_quality_scores(numbers, probabilities),
        find_label_issues(numbers, probabilities, filter_by="low_self_confidence", n_jobs=1),
        [codec.labels[one] if one != own else None for one, own in zip(best, numbers, strict=True)],
    )
