"""Sets that probably hold a wrong class, or lack one."""

from collections.abc import Sequence

import numpy as np

from finetrail.targets.class_sets.codec import SetCodec, probabilities
from finetrail.targets.logits import Logits
from finetrail.targets.suspicion import Suspicion


def suspects(codec: SetCodec, labels: Sequence[Sequence[str]], answers: Logits) -> Suspicion:
    """Each class is judged as present or absent; the worst of a row weigh most in the quality of its set."""
    from cleanlab.multilabel_classification import get_label_quality_scores
    from cleanlab.multilabel_classification.filter import find_label_issues

    certain, own = probabilities(codec.scaled(answers)), codec.members(labels)
    numbers = [np.flatnonzero(row).tolist() for row in own]
    given = codec.predicted(answers)
    return Suspicion(
        get_label_quality_scores(numbers, certain),
        find_label_issues(numbers, certain, n_jobs=1),
        [
            None if (says == has).all() else [codec.labels[k] for k in np.flatnonzero(says)]
            for says, has in zip(given, own, strict=True)
        ],
    )
