"""Answers of a trained model: one function for the pipeline and for the registered model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from finetrail.errors import ImageError
from finetrail.evaluation.metrics import log_softmax
from finetrail.images import decode
from finetrail.progress import Track, quiet
from finetrail.tasks.task import Built
from finetrail.training.inference import predict

BATCH = 64


def answer(built: Built, values: Sequence[Any], track: Track = quiet) -> pd.DataFrame:
    """The predicted label and its probability for each raw value: columns `label` and `score`, in the order given.

    Raises:
        ImageError: a value is no whole image; the message names the row, and says how many more there are.
    """
    if not len(values):
        return pd.DataFrame({"label": pd.Series(dtype=str), "score": pd.Series(dtype=float)})
    try:
        logits = predict(built.model, built.processor.encode(values), BATCH, track)
    except ImageError as error:
        found = undecodable(values)
        raise (bad_rows(found, len(values)) if found else error) from error
    probabilities = np.exp(log_softmax(logits))
    best = probabilities.argmax(axis=1)
    return pd.DataFrame({"label": [built.labels[number] for number in best], "score": probabilities.max(axis=1)})


def undecodable(images: Sequence[bytes]) -> dict[int, str]:
    """Why an image cannot be decoded, for each that cannot, by its place from 0."""
    found = {}
    for place, image in enumerate(images):
        try:
            decode(image)
        except ImageError as error:
            found[place] = str(error)
    return found


def bad_rows(found: dict[int, str], rows: int) -> ImageError:
    """The error of a request with bad rows: reasons by place from 0, of `rows` in all."""
    place = min(found)
    others = f" (and {len(found) - 1} more bad rows)" if len(found) > 1 else ""
    return ImageError(f"row {place + 1} of {rows}: {found[place]}{others}")
