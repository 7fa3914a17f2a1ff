"""Answers of a trained model: one function for the pipeline and for the registered model."""

import numpy as np
import pandas as pd

from finetrail.evaluation.metrics import log_softmax
from finetrail.progress import Track, quiet
from finetrail.tasks.task import Built
from finetrail.training.inference import predict

BATCH = 64


def answer(built: Built, values: list[str], track: Track = quiet) -> pd.DataFrame:
    """The predicted label and its probability for each raw value: columns `label` and `score`, in the order given."""
    if not values:
        return pd.DataFrame({"label": pd.Series(dtype=str), "score": pd.Series(dtype=float)})
    probabilities = np.exp(log_softmax(predict(built.model, built.processor.encode(values), BATCH, track)))
    best = probabilities.argmax(axis=1)
    return pd.DataFrame({"label": [built.labels[number] for number in best], "score": probabilities.max(axis=1)})
