"""The rows that are most like a row to the pretrained backbone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finetrail.assessment.labels.cross_fitting import CHUNK, Computed
from finetrail.inference.features import MASK

if TYPE_CHECKING:
    Vectors = NDArray[np.float32]


class Neighbour(NamedTuple):
    """Attributes: place: of the row; cosine: of the two rows' features, centred; 1 is the same direction."""

    place: int
    cosine: float


def row_vectors(features: Computed, rows: int) -> "Vectors":
    """A vector of length 1 for each row (rows, D): the mean of its feature vectors, less that of all rows."""
    found: Any = None
    counts = np.zeros(rows)
    for start in range(0, len(features), CHUNK):
        places = range(start, min(start + CHUNK, len(features)))
        batch = features.batch(places)
        values = batch["features"].double()
        mask = batch.get(MASK)
        sums = values.numpy() if mask is None else (values * mask[..., None]).sum(1).numpy()
        many = np.ones(len(places)) if mask is None else mask.sum(1).numpy()
        owners = [features.rows[place] for place in places]
        if found is None:
            found = np.zeros((rows, sums.shape[-1]))
        np.add.at(found, owners, sums)
        np.add.at(counts, owners, many)
    means = found / np.maximum(counts, 1)[:, None]
    means = means - means.mean(axis=0)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    vectors: Vectors = (means / np.maximum(lengths, 1e-12)).astype(np.float32)
    return vectors


def nearest(vectors: "Vectors", wanted: Sequence[int], count: int) -> list[list[Neighbour]]:
    """The most similar other rows of each wanted row, the most similar first."""
    found = []
    count = min(count, len(vectors) - 1)
    for place in wanted:
        cosines = vectors @ vectors[place]
        cosines[place] = -np.inf
        order = np.argsort(-cosines, kind="stable")[:count]
        found.append([Neighbour(int(other), float(cosines[other])) for other in order])
    return found
