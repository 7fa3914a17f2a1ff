"""Rows by the features of a model's backbone, and the rows nearest to each."""

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.progress import Track

if TYPE_CHECKING:
    from finetrail.inference.features import Features as OneARow
    from finetrail.inference.features import RaggedFeatures
    from finetrail.models.inputs import Values
    from finetrail.tasks.task import Built

    Computed = OneARow | RaggedFeatures

Features = NDArray[np.float32]
"""(n, D), one vector a row."""
BATCH = 64
BLOCK = 4_000_000
"""Similarities held at once."""


def features_of(built: "Built", contents: "Values", *, scratch: Path, track: Track) -> Features:
    """The features of rows; of a row with several vectors, such as words, their mean."""
    from finetrail.inference.features import compute_features

    inputs = built.processor.encode(contents, scratch=scratch)
    return row_means(compute_features(built.model, inputs, BATCH, track, scratch), len(contents))


def row_means(found: "Computed", rows: int) -> Features:
    """One vector a row, the mean of its own; zeros for a row without any. Args: found: of all examples of the rows."""
    from finetrail.inference.features import MASK, RaggedFeatures

    if not isinstance(found, RaggedFeatures):
        return found.values.numpy()
    examples: defaultdict[int, list[int]] = defaultdict(list)
    for example, row in enumerate(found.rows):
        examples[row].append(example)
    means = []
    for row in range(rows):
        batch: dict[str, Any] = found.batch(examples[row])
        means.append(
            batch["features"][batch[MASK]].numpy().mean(axis=0) if batch[MASK].any() else np.zeros(found.width)
        )
    return np.stack(means).astype(np.float32)


def nearest(features: Features, known: Features, most: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The known rows nearest to each row by cosine: their places and similarities (n, `most`), the nearest first.

    Of equally near ones the first come first.
    """
    units, others = unit(features), unit(known)
    most = min(most, len(others))
    places, similarities = [np.zeros((0, most), np.int64)], [np.zeros((0, most), np.float32)]
    size = max(1, BLOCK // max(1, len(others)))
    for start in range(0, len(units), size):
        cosines = units[start : start + size] @ others.T
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :most]
        places.append(order)
        similarities.append(np.take_along_axis(cosines, order, axis=1))
    return np.concatenate(places), np.concatenate(similarities)


def unit(features: Features) -> Features:
    """Features scaled to length 1."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    found: Features = features / np.maximum(lengths, np.finfo(np.float32).tiny)
    return found
