"""text-classification: what a text is about, as one of several classes, or as any number of them."""

from finetrail.contents.text import TEXT
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.classes import CLASSES
from finetrail.tasks.task import Task

TASKS = tuple(
    Task(
        "text-classification",
        TEXT,
        target,
        example="the shuttle reached orbit after a flawless launch",
        pipeline_tag="text-classification",
    )
    for target in (CLASSES, CLASS_SETS)
)
