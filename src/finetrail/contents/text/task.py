"""The tasks on texts: a label or a number a text, learnt on a pooled encoder."""

from pathlib import Path
from typing import cast

from finetrail.contents.text import backbone as networks
from finetrail.contents.text.soft_prompts import add_soft_prompt, describe_soft_prompt
from finetrail.models.backbone_settings import TextBackbone
from finetrail.models.network import Classifier
from finetrail.targets.losses import LOSSES, Loss, LossOptions
from finetrail.targets.problem import ProblemType
from finetrail.tasks.model_files import BACKBONE, read_description, read_weights, write_model
from finetrail.tasks.task import Built


class TextTask:
    """A task on whole texts, of either kind of problem; see `Task`."""

    def __init__(self, name: str, problem: ProblemType) -> None:
        self.name = name
        self.problem = problem

    def build(self, backbone: object, labels: list[str], root: Path) -> Built:
        settings = cast(TextBackbone, backbone)
        encoder, processor, width = networks.load_pretrained(settings, root)
        return Built(Classifier(encoder, width, len(labels), settings.head_dropout), processor, labels, self.problem)

    def loss(self, options: LossOptions) -> Loss:
        return LOSSES[self.problem](options)

    def save(self, built: Built, backbone: object, folder: Path) -> None:
        encoder, processor = (
            cast(networks.PooledEncoder, built.model.backbone),
            cast(networks.TextProcessor, built.processor),
        )
        networks.save_backbone(encoder, processor, folder / BACKBONE)
        described = cast(TextBackbone, backbone).model_dump() | describe_soft_prompt(encoder)
        write_model(built, self.name, described, folder)

    def load(self, folder: Path) -> Built:
        described, labels = read_description(folder)
        soft_prompt = described.pop("soft_prompt", None)
        settings = TextBackbone(**described)
        encoder, processor, width = networks.load_saved(settings, folder / BACKBONE)
        if soft_prompt is not None:
            add_soft_prompt(encoder, **soft_prompt)
        model = Classifier(encoder, width, len(labels), settings.head_dropout)
        return Built(read_weights(model, folder), processor, labels, self.problem)
