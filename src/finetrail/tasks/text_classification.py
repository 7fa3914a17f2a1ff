"""Text classification: one label a text, by cross-entropy on a pooled encoder."""

from pathlib import Path
from typing import Any, cast

from torch import Tensor

from finetrail.models import text
from finetrail.models.backbone import TextBackbone
from finetrail.models.classifier import Classifier
from finetrail.models.losses import Loss, cross_entropy
from finetrail.models.weights import load_weights, save_tensors
from finetrail.tasks.task import Built
from finetrail.workspace import read_json, write_json


class TextClassification:
    """The task `text-classification`; see `Task`."""

    name = "text-classification"

    def build(self, backbone: object, labels: list[str], root: Path) -> Built:
        settings = cast(TextBackbone, backbone)
        encoder, processor, width = text.load_pretrained(settings, root)
        return Built(Classifier(encoder, width, len(labels), settings.head_dropout), processor, labels)

    def loss(self, label_smoothing: float, class_weights: Tensor | None) -> Loss:
        return cross_entropy(label_smoothing, class_weights)

    def save(self, built: Built, backbone: object, folder: Path) -> None:
        settings = cast(TextBackbone, backbone)
        text.save_backbone(
            cast(text.PooledEncoder, built.model.backbone),
            cast(text.TextProcessor, built.processor),
            folder / "backbone",
        )
        save_tensors(built.model.state_dict(), folder / "model.safetensors")
        described = settings.model_dump(exclude={"weights"}) | {"weights": "backbone"}
        id2label = {str(number): label for number, label in enumerate(built.labels)}
        write_json(folder / "model.json", {"task": self.name, "backbone": described, "id2label": id2label})

    def load(self, folder: Path) -> Built:
        described: dict[str, Any] = read_json(folder / "model.json")
        labels = [described["id2label"][str(number)] for number in range(len(described["id2label"]))]
        settings = TextBackbone(**described["backbone"])
        encoder, processor, width = text.load_saved(settings, folder / "backbone")
        model = Classifier(encoder, width, len(labels), settings.head_dropout)
        load_weights(model, folder / "model.safetensors")
        return Built(model.eval(), processor, labels)
