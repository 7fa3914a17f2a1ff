"""image-classification: what an image shows, as one of several classes."""

from finetrail.contents.image import IMAGE
from finetrail.contents.image.decode import DOT
from finetrail.targets.classes import CLASSES
from finetrail.tasks.task import Task

TASKS = (Task("image-classification", IMAGE, CLASSES, example=DOT, pipeline_tag="image-classification"),)
