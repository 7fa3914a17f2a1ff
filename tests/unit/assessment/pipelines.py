"""The sections of params.yaml that an assessed model of these tests comes from."""

from finetrail.assessment.assessed import Pipeline
from finetrail.evaluation.selection import Selection
from finetrail.sections import Params


def pipeline_of(params: Params) -> Pipeline:
    """As params.yaml has them, for a candidate `full`, chosen by the task's last metric with few resamples."""
    selection = Selection(metric=params.task.task.target.metrics[-1].name, resamples=100)
    return Pipeline(selection, 0, params.split, {"full": next(iter(params.candidates.values()))})
