"""A model in a form that others read: as the libraries of its content store one, or as ONNX."""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from finetrail.contents.exported import Exported, Outputs
from finetrail.errors import ModelError
from finetrail.targets.learning import Telling
from finetrail.tasks.task import Built

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from finetrail.models.network import Network

Form = Literal["hf", "onnx"]


def write_form(built: Built, form: Form, folder: Path) -> Exported:
    """Write all but the card.

    Raises:
        ConfigError: a package for this form is not installed.
        ModelError: the form cannot express the model, or would answer otherwise.
    """
    from finetrail.models.bottlenecks import describe_bottlenecks

    codec, learning = built.codec, built.learning
    told = learning.told() if isinstance(learning, Telling) else None
    outputs = Outputs(codec.outputs, built.task.target.exported_problem, codec.snippet, told)
    networks = built.task.content.networks()
    model = _scaled(built)
    if form == "onnx":
        from finetrail.exports.onnx import write_onnx

        return write_onnx(networks.graph(model, built.processor, folder, outputs), outputs.names, folder)
    if describe_bottlenecks(model.backbone):
        raise ModelError(
            "this model was adapted by adapter, whose layers have no place in the libraries' own models; use "
            "--format onnx, or export one adapted by another method, such as lora"
        )
    return networks.export(model, built.processor, folder, outputs)


def folded(built: Built) -> "tuple[NDArray[np.float64], NDArray[np.float64]] | None":
    """The slopes and shifts that an export of the model has in its head; None where it has none."""
    from torch import nn

    return built.codec.scales if isinstance(built.model.head, nn.Linear) else None


def _scaled(built: Built) -> "Network":
    """The model with the scales of its calibration in the head: other libraries take the softmax of what it gives."""
    import torch

    from finetrail.models.network import Network

    scales = folded(built)
    if scales is None:
        return built.model
    slopes, shifts = (torch.from_numpy(values).float() for values in scales)
    scaled: Any = copy.deepcopy(built.model.head)
    with torch.no_grad():
        scaled.weight.mul_(slopes[:, None])
        scaled.bias.mul_(slopes).add_(shifts)
    return Network(built.model.backbone, scaled, built.model.dropout.p).eval()
