"""image-segmentation: the class of each pixel of an image, or the pixels of each object in it, as masks."""

from finetrail.contents.image import FINE_PYRAMID, IMAGE, PYRAMID
from finetrail.contents.image.decode import DOT
from finetrail.targets.instances import INSTANCES
from finetrail.targets.masks import MASKS
from finetrail.tasks.task import Task

TASKS = tuple(
    Task("image-segmentation", IMAGE, target, example=DOT, features=features, pipeline_tag="image-segmentation")
    for target, features in ((MASKS, FINE_PYRAMID), (INSTANCES, PYRAMID))
)
