"""Groups of rows that look alike to the model."""

import numpy as np
from numpy.typing import NDArray

from finetrail.assessment.nearest import Features, unit

STARTS = 5
"""Of k-means, from which the best clustering is taken."""


def clustered(features: Features, clusters: int, seed: int) -> NDArray[np.int64]:
    """The number of each row's cluster (n,): k-means of the features, scaled to length 1.

    Args:
        clusters: how many; fewer where there are not as many different rows.
        seed: equal seeds give equal clusters.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    units = unit(features)
    different = min(clusters, len(np.unique(units.round(4), axis=0)))
    # Several threads would add up in any order.
    with threadpool_limits(1):
        found = KMeans(different, n_init=STARTS, random_state=seed).fit_predict(units.astype(np.float64))
    return np.asarray(found, dtype=np.int64)
