"""The tasks on pictures: a label or a number a picture, learnt on the features of a vision backbone."""

from pathlib import Path
from typing import cast

from finetrail.contents.image import backbone as networks
from finetrail.contents.image.processor import ImageProcessor
from finetrail.models.backbone_settings import ImageBackbone
from finetrail.models.network import Classifier
from finetrail.targets.losses import LOSSES, Loss, LossOptions
from finetrail.targets.problem import ProblemType
from finetrail.tasks.model_files import BACKBONE, read_description, read_weights, write_model
from finetrail.tasks.task import Built


class ImageTask:
    """A task on whole pictures, of either kind of problem; see `Task`."""

    def __init__(self, name: str, problem: ProblemType) -> None:
        self.name = name
        self.problem = problem

    def build(self, backbone: object, labels: list[str], root: Path) -> Built:
        settings = cast(ImageBackbone, backbone)
        network, preprocessing, width = networks.load_pretrained(settings, root)
        model = Classifier(network, width, len(labels), settings.head_dropout)
        return Built(model, ImageProcessor(preprocessing), labels, self.problem)

    def loss(self, options: LossOptions) -> Loss:
        return LOSSES[self.problem](options)

    def save(self, built: Built, backbone: object, folder: Path) -> None:
        network, processor = cast(networks.VisionBackbone, built.model.backbone), cast(ImageProcessor, built.processor)
        networks.save_backbone(network, processor.preprocessing, folder / BACKBONE)
        write_model(built, self.name, cast(ImageBackbone, backbone).model_dump(mode="json"), folder)

    def load(self, folder: Path) -> Built:
        described, labels = read_description(folder)
        network, preprocessing, width = networks.load_saved(folder / BACKBONE)
        model = Classifier(network, width, len(labels), described["head_dropout"])
        return Built(read_weights(model, folder), ImageProcessor(preprocessing), labels, self.problem)
