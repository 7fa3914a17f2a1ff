"""What params.yaml may say of training on masks. Light: the command line reads this before any work."""

from typing import Literal

from pydantic import Field

from finetrail.targets.target import Training

Decoder = Literal["unet", "fpn", "deeplabv3plus", "deeplabv3", "lraspp", "segformer", "whole"]


class MaskTraining(Training):
    """What section `train` of params.yaml says of masks.

    Attributes:
        loss: `cross_entropy`; `focal` (Lin et al. 2017), which cares less for pixels that are already right; `dice`
            (Milletari et al. 2016) or `lovasz` (Berman et al. 2018), which count each class of an image the same,
            however few pixels it has; `cross_entropy+dice`: their sum.
        metric: the validation metric that picks the best evaluation.
        focal_gamma: how much less.
        class_weights: `balanced`: each class counts the same in cross-entropy and focal loss, however many pixels it
            has (King & Zeng 2001); null: each pixel counts the same.
        decoder: `unet` (Ronneberger et al. 2015), `fpn` (Kirillov et al. 2019), `deeplabv3plus` (Chen et al. 2018),
            `deeplabv3` (Chen et al. 2017), `lraspp` (Howard et al. 2019) or `segformer` (Xie et al. 2021); `whole`:
            that of the segmentation model that the backbone is, with its weights.
        decoder_width: its channels, a multiple of 32; the two finer maps of U-Net have half as many; a whole model has
            its own.
    """

    loss: Literal["cross_entropy", "focal", "dice", "lovasz", "cross_entropy+dice"] = "cross_entropy"
    metric: Literal["boundary_f1", "pixel_accuracy", "dice", "mean_iou"] = "mean_iou"
    focal_gamma: float = Field(2.0, ge=0)
    class_weights: Literal["balanced"] | None = None
    decoder: Decoder = "unet"
    # A norm of FPN takes the mean over a 32nd of them: of one channel at one place there would be none.
    decoder_width: int = Field(128, ge=64, multiple_of=32)
