"""object-detection: where in an image objects of some classes are, as boxes."""

from finetrail.contents.image import IMAGE, PYRAMID
from finetrail.contents.image.decode import DOT
from finetrail.targets.boxes import BOXES
from finetrail.tasks.task import Task

TASKS = (Task("object-detection", IMAGE, BOXES, example=DOT, features=PYRAMID, pipeline_tag="object-detection"),)
