"""image-classification: what an image shows, as one of several classes, or as any number of them."""

from finetrail.contents.image import IMAGE
from finetrail.contents.image.decode import DOT
from finetrail.targets.class_sets import CLASS_SETS
from finetrail.targets.classes import CLASSES
from finetrail.tasks.task import Task

TASKS = tuple(
    Task("image-classification", IMAGE, target, example=DOT, pipeline_tag="image-classification")
    for target in (CLASSES, CLASS_SETS)
)
