"""The files that every saved model has, whatever its task: model.json with its labels, and its weights."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.workspace import read_json, write_json

if TYPE_CHECKING:  # who reads the labels alone imports no torch
    from finetrail.models.network import Classifier
    from finetrail.tasks.task import Built

BACKBONE = "backbone"
"""The folder, inside of a model's, of what the backbone needs beside its weights."""


def write_model(built: "Built", task: str, backbone: dict[str, Any], folder: Path) -> None:
    """Write model.json and model.safetensors. Args: backbone: its settings, as `read_description` shall give them."""
    from finetrail.models.weights import save_tensors

    save_tensors(built.model.state_dict(), folder / "model.safetensors")
    id2label = {str(number): label for number, label in enumerate(built.labels)}
    # The weights lie here now, and come from nowhere else.
    described = {"task": task, "backbone": backbone | {"weights": BACKBONE}, "id2label": id2label}
    write_json(folder / "model.json", described)


def read_description(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The settings of the backbone, and the labels in the order of the logits."""
    described: dict[str, Any] = read_json(folder / "model.json")
    labels = [described["id2label"][str(number)] for number in range(len(described["id2label"]))]
    return described["backbone"], labels


def read_weights(model: "Classifier", folder: Path) -> "Classifier":
    """Fill the model with its saved weights, ready to answer."""
    from finetrail.models.weights import load_weights

    load_weights(model, folder / "model.safetensors")
    return model.eval()
