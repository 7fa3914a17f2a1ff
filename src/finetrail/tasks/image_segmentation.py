"""image-segmentation: the class of each pixel of an image, as masks."""

from finetrail.contents.image import FINE_PYRAMID, IMAGE
from finetrail.contents.image.decode import DOT
from finetrail.targets.masks import MASKS
from finetrail.tasks.task import Task

TASKS = (
    Task("image-segmentation", IMAGE, MASKS, example=DOT, features=FINE_PYRAMID, pipeline_tag="image-segmentation"),
)
