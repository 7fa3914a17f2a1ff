"""By how much the score of no answer has to exceed that of the best span: fitted on validation rows (SQuAD 2.0)."""

from typing import TYPE_CHECKING

import numpy as np

from finetrail.targets.spans.judge import F1, Labels, scored

if TYPE_CHECKING:
    from finetrail.targets.spans.codec import SpanAnswers


def fit_threshold(labels: Labels, answers: "SpanAnswers") -> float:
    """The threshold of highest F1; of equal ones that in the middle of the widest gap around 0, with six digits."""
    usable = np.array([len(one.scores) > 0 for one in answers.found], dtype=np.bool_)
    margins = np.array([one.no_answer - float(one.scores[0]) for one in answers.found if len(one.scores)])
    if not len(margins):
        return 0.0
    given = scored(
        labels, answers.best, [tuple(one.spans[0].tolist()) if len(one.spans) else (0, 0) for one in answers.found]
    )
    none = scored(labels, ["" for _ in labels])
    gains = (none - given)[usable, F1]
    order = np.argsort(margins, kind="stable")
    margins, gains = margins[order], gains[order]
    # Rows above the threshold get no answer: the sum of their gains, for a threshold below all rows, then above each.
    totals = np.concatenate([np.cumsum(gains[::-1])[::-1], [0.0]])
    edges = np.concatenate([[margins[0] - 1], (margins[:-1] + margins[1:]) / 2, [margins[-1] + 1]])
    best = np.flatnonzero(totals >= totals.max() - 1e-9)
    return float(f"{edges[best[np.argmin(np.abs(edges[best]))]]:.6g}")
