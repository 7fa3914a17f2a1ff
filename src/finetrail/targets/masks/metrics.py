"""The metrics of masks, by which models are chosen. Light: the command line reads this before any work."""

from finetrail.evaluation.scores.metric import Metric

METRICS = (
    Metric("boundary_f1", "boundary F1"),
    Metric("pixel_accuracy", "pixel accuracy"),
    Metric("dice", "mean Dice"),
    Metric("mean_iou", "mean IoU"),
)
"""As averages over classes, but for the accuracy; see `finetrail.targets.masks.scores`."""
