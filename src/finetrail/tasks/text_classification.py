"""text-classification: what a text is about, as one of several classes."""

from finetrail.contents.text import TEXT
from finetrail.targets.classes import CLASSES
from finetrail.tasks.task import Task

TASKS = (
    Task(
        "text-classification",
        TEXT,
        CLASSES,
        example="the shuttle reached orbit after a flawless launch",
        pipeline_tag="text-classification",
    ),
)
