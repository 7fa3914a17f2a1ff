"""A model in a form that others read: as the libraries of its content store one, or as ONNX."""

from pathlib import Path
from typing import Literal

from finetrail.contents.exported import Exported, Outputs
from finetrail.tasks.task import Built

Form = Literal["hf", "onnx"]


def write_form(built: Built, form: Form, folder: Path) -> Exported:
    """Write all but the card.

    Raises:
        ConfigError: a package for this form is not installed.
        ModelError: the form cannot express the model, or would answer otherwise.
    """
    codec = built.codec
    outputs = Outputs(codec.outputs, built.task.target.problem_type, codec.snippet)
    networks = built.task.content.networks()
    if form == "onnx":
        from finetrail.exports.onnx import write_onnx

        return write_onnx(networks.graph(built.model, built.processor, folder, outputs), outputs.names, folder)
    return networks.export(built.model, built.processor, folder, outputs)
