"""image-regression: a number for an image, such as an age or a count."""

from finetrail.contents.image import IMAGE
from finetrail.contents.image.decode import DOT
from finetrail.targets.numbers import NUMBERS
from finetrail.tasks.task import Task

# Hugging Face has no task of its own for numbers: they are classifications with one output.
TASKS = (Task("image-regression", IMAGE, NUMBERS, example=DOT, pipeline_tag="image-classification"),)
