"""Fold an adaptation into the weights, and make sure that the plain model is the one that was trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.evaluation.scores.metric import Metric
from finetrail.inference.predict import predict
from finetrail.inference.questions import sampled
from finetrail.models.inputs import Inputs
from finetrail.targets.same_number import Place, Questions, same_number
from finetrail.tasks.task import Built

if TYPE_CHECKING:
    from finetrail.adaptation.method import Method

MERGED = Place("the merged model", "nothing was written: train the candidate with another adaptation.method")
_BATCH = 64


def merge(built: Built, method: "Method", val: Path, rows: pd.DataFrame, metric: Metric) -> dict[str, float]:
    """Merge the adaptation of a trained model.

    Args:
        val: the folder of the validation split; rows: id and label of all its rows.
        metric: the one by which the training picks its best epoch.

    Returns:
        Every metric before, on a sample of the validation rows; empty where the method has nothing to merge.

    Raises:
        RoundTripError: the merged model answers the sample otherwise.
    """
    if not method.merges:
        return {}
    rows, contents = sampled(val, built.task.content, rows)
    inputs, labels = built.processor.encode(contents), rows["label"].tolist()
    before = _answers(built, inputs)
    method.merge(built.model)
    if built.codec.broken(before).any():  # nothing to compare with; `select` refuses such a candidate
        return {}
    questions = Questions(built.codec, rows["id"].tolist(), labels, contents, before)
    same_number(questions, metric, _answers(built, inputs), MERGED)
    return point_scores(built.codec.judge, labels, before)


def _answers(built: Built, inputs: Inputs) -> Any:
    return built.learning.answers(predict(built.model, inputs, built.learning.keep, _BATCH), inputs)
