"""What params.yaml may say of training on masks of objects. Light: the command line reads this before any work."""

from typing import Literal

from pydantic import Field

from finetrail.targets.target import Training


class InstanceTraining(Training):
    """What section `train` of params.yaml says of masks of objects.

    Attributes:
        loss: that of Mask R-CNN (He et al. 2017); each image weighs the same.
        metric: the validation metric that picks the best evaluation.
        pyramid_width: channels of each map of the feature pyramid, a multiple of 16.
        tower: layers that look into each box, and convolutions that draw its mask.
    """

    loss: Literal["mask_rcnn"] = "mask_rcnn"
    metric: Literal["f1", "map_50", "map", "mask_mar_100", "mask_map_75", "mask_map_50", "mask_map"] = "mask_map"
    pyramid_width: int = Field(128, ge=16, multiple_of=16)
    tower: int = Field(2, ge=0, le=8)
