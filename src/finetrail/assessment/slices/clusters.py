"""Groups of rows that look alike to the model, and the words that are typical of them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from finetrail.assessment.nearest import Features
from finetrail.data.words import words

STARTS = 5
"""Of k-means, from which the best clustering is taken."""
TYPICAL = 6
"""Words that describe a cluster."""


def clustered(features: Features, clusters: int, seed: int) -> NDArray[np.int64]:
    """The number of each row's cluster (n,): k-means of the features, scaled to length 1.

    Args:
        clusters: how many; fewer where there are not as many different rows.
        seed: equal seeds give equal clusters.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    units = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    different = min(clusters, len(np.unique(units.round(4), axis=0)))
    # Several threads would add up in any order.
    with threadpool_limits(1):
        found = KMeans(different, n_init=STARTS, random_state=seed).fit_predict(units.astype(np.float64))
    return np.asarray(found, dtype=np.int64)


def typical_words(texts: Sequence[str], rows: NDArray[np.bool_]) -> list[str]:
    """The words that most set some texts apart from the others; none where there are no texts.

    Ranked by the log odds of a text to have the word, in standard errors (Monroe et al. 2008, without a prior).
    """
    counts = [Counter[str](), Counter[str]()]
    for text, inside in zip(texts, rows.tolist(), strict=True):
        counts[inside].update({text[start:end].casefold() for start, end in words(text)})
    outside, inside_ = counts
    n, m = int(rows.sum()), int((~rows).sum())

    def apart(word: str) -> float:
        cells = np.array([inside_[word], n - inside_[word], outside[word], m - outside[word]]) + 0.5
        odds = np.log(cells[0] * cells[3] / (cells[1] * cells[2]))
        return float(odds / np.sqrt((1 / cells).sum()))

    ranked = sorted((word for word in inside_ if any(map(str.isalpha, word))), key=lambda word: (-apart(word), word))
    return [word for word in ranked[:TYPICAL] if apart(word) > 0]
