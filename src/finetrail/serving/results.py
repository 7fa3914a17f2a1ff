"""What `train` left about a candidate, read from its files. Numpy alone."""

from dataclasses import replace

from finetrail.run_paths import RunPaths
from finetrail.serving.predictions import read_predictions
from finetrail.targets.results import Result, further_of, result_of
from finetrail.targets.target import Target
from finetrail.workspace import need, read_json


def read_result(paths: RunPaths, target: Target) -> Result:
    """The answers of a candidate, and those with further seeds if there are any.

    Raises:
        WorkspaceError: there are none, or they do not belong to this task.
        ModelError: a prediction is NaN or infinite.
    """
    metrics = read_json(need(paths.details, "train"))
    result = result_of(paths, target, metrics, read_predictions(need(paths.predictions, "train")))
    if "seeds" not in metrics:
        return result
    return replace(result, further=further_of(paths, target, metrics, read_predictions(need(paths.seeds, "train"))))
