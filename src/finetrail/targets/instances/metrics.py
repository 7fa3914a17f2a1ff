"""The metrics of masks of objects, the default one last."""

from finetrail.evaluation.scores.metric import Metric

METRICS = (
    Metric("f1", "F1"),
    Metric("map_50", "box AP50"),
    Metric("map", "box mAP"),
    Metric("mask_mar_100", "mask AR"),
    Metric("mask_map_75", "mask AP75"),
    Metric("mask_map_50", "mask AP50"),
    Metric("mask_map", "mask mAP"),
)
