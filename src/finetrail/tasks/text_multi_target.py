"""text-multi-target: several labels of a text at once, by one backbone; a row may lack some of them."""

from finetrail.contents.text import TEXT
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.several import Several
from finetrail.tasks.task import Task

# Two targets as an example; params.yaml names its own.
TARGET = Several({"score": NUMBERS, "topic": CLASSES}, kinds=(CLASSES, CLASS_SETS, NUMBERS))

# Hugging Face has no task of its own for several targets: they are classifications with the outputs of all.
TASKS = (
    Task(
        "text-multi-target",
        TEXT,
        TARGET,
        example="the shuttle reached orbit after a flawless launch",
        pipeline_tag="text-classification",
    ),
)
