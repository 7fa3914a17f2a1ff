"""Answers of a trained model: one function for the pipeline and for the registered model."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from finetrail.contents.image.decode import decode
from finetrail.errors import ImageError
from finetrail.progress import Track, quiet
from finetrail.targets.classes.metrics import log_softmax
from finetrail.targets.problem import CLASSIFICATION, PROBLEMS, REGRESSION, ProblemType

if TYPE_CHECKING:  # who only says what outputs mean imports no torch
    from finetrail.tasks.task import Built

BATCH = 64


def answer(built: "Built", values: Sequence[Any], track: Track = quiet) -> pd.DataFrame:
    """What the model says to each raw value, in the order given, in the columns that its kind of problem has.

    Of a classification `label` and its probability, `score`; of a regression `prediction`.

    Raises:
        ImageError: a value is no whole image; the message names the row, and says how many more there are.
    """
    if not len(values):
        kinds = {"string": str, "double": float}
        columns = PROBLEMS[built.problem].answers
        return pd.DataFrame({name: pd.Series(dtype=kinds[kind]) for name, kind in columns.items()})
    return pd.DataFrame(columns_of(built.problem, outputs_of(built, values, track), built.labels))


def outputs_of(built: "Built", values: Sequence[Any], track: Track = quiet) -> np.ndarray:
    """The model's own numbers (n, K) for each raw value: logits, or the predicted number.

    Raises:
        ImageError: a value is no whole image; the message names the row, and says how many more there are.
    """
    from finetrail.inference.predict import predict

    try:
        return predict(built.model, built.processor.encode(values), BATCH, track)
    except ImageError as error:
        found = undecodable(values)
        raise (bad_rows(found, len(values)) if found else error) from error


def columns_of(problem: ProblemType, outputs: np.ndarray, labels: list[str]) -> dict[str, Any]:
    """What outputs (n, K) mean, by column. Args: labels: the names of the K outputs."""
    return _COLUMNS[problem](outputs, labels)


def _classes(outputs: np.ndarray, labels: list[str]) -> dict[str, Any]:
    probabilities = np.exp(log_softmax(outputs))
    best = probabilities.argmax(axis=1)
    return {"label": [labels[number] for number in best], "score": probabilities.max(axis=1)}


def _numbers(outputs: np.ndarray, labels: list[str]) -> dict[str, Any]:
    return {"prediction": outputs[:, 0].astype(np.float64)}


_COLUMNS: Mapping[ProblemType, Callable[[np.ndarray, list[str]], dict[str, Any]]] = {
    CLASSIFICATION.name: _classes,
    REGRESSION.name: _numbers,
}


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
