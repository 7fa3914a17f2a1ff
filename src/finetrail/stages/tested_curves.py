"""The curves of the chosen training, for the test report."""

from finetrail.evaluation.report.figures import Curve, Panel
from finetrail.evaluation.scores.metric import Metric, Point
from finetrail.run_paths import RunPaths
from finetrail.runs.curves import read_curve
from finetrail.runs.record import RunRecord
from finetrail.targets.target import metric_named
from finetrail.tasks.task import Task
from finetrail.workspace import read_json


def panels_of(paths: RunPaths, task: Task, record: RunRecord, metric: Metric) -> list[Panel]:
    """The loss, the metric by which the candidate was chosen, and that by which its best evaluation was."""
    picking = metric_named(task.target.training_metrics, record.params.get("train.metric", metric.name))
    best_epoch = read_json(paths.details)["best_epoch"]
    train, val = read_curve(paths.train_curve), read_curve(paths.val_curve)
    loss = (_curve("training", train, "loss"), _curve("validation", val, "loss"))
    scores = [
        Panel(f"validation {one.title}", (_curve("validation", val, one.name),), best_epoch)
        for one in dict.fromkeys((metric, picking))
    ]
    return [Panel("loss", loss, best_epoch), *scores]


def _curve(name: str, points: list[Point], value: str) -> Curve:
    return Curve(name, tuple((point["epoch"], point[value]) for point in points))
