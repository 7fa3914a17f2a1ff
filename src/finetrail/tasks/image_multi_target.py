"""image-multi-target: several labels of an image at once, by one backbone; a row may lack some of them."""

from finetrail.contents.image import IMAGE
from finetrail.contents.image.decode import DOT
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.classes import CLASSES
from finetrail.targets.numbers import NUMBERS
from finetrail.targets.several import Several
from finetrail.tasks.task import Task

# Two targets as an example; params.yaml names its own.
TARGET = Several({"score": NUMBERS, "topic": CLASSES}, kinds=(CLASSES, CLASS_SETS, NUMBERS))

# Hugging Face has no task of its own for several targets: they are classifications with the outputs of all.
TASKS = (Task("image-multi-target", IMAGE, TARGET, example=DOT, pipeline_tag="image-classification"),)
