"""A model that names places in whole images, for users of torch: as torchvision's own, or as a program."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from finetrail.contents.exported import TOLERANCE, Exported, check_apart
from finetrail.contents.image.fitted.cards import Runtime, exported
from finetrail.contents.image.fitted.export_completed import completes, export_completed
from finetrail.contents.image.fitted.export_onnx import graph_of_fitted
from finetrail.contents.image.fitted.export_queries import export_queries
from finetrail.contents.image.fitted.export_whole import export_whole
from finetrail.errors import ModelError
from finetrail.models.network import Network
from finetrail.models.told import Told
from finetrail.workspace import write_json

_FILE = "model.pt2"
_WHOLE = {"torchvision": export_whole, "transformers": export_queries}
"""By the library of a whole model."""


def export_fitted(network: Network, processor: Any, folder: Path, told: Told, names: list[str]) -> Exported:
    """Write the model as torchvision's own where it was one, else as a program; and read it back to compare.

    Args:
        names: the labels of the outputs.

    Raises:
        ModelError: torch cannot write it, or see `check_apart`.
    """
    if completes(network, told.whole):
        return export_completed(network, processor, folder, told, names)
    backbone: Any = network.backbone
    goes_back = told.library is not None and hasattr(backbone.network, "library")
    export = _WHOLE[backbone.network.library] if goes_back else _export_program
    return export(network, processor, folder, told, names)


def _export_program(network: Network, processor: Any, folder: Path, told: Told, names: list[str]) -> Exported:
    graph = graph_of_fitted(network, processor, folder, told)
    model, probes = graph.module.eval(), [tuple(one.values()) for one in graph.probes]
    try:
        # torchvision's operators call torch by deprecated names.
        with torch.no_grad(), warnings.catch_warnings(action="ignore", category=FutureWarning):
            program = torch.export.export(model, probes[0], strict=False)
            for node in program.graph.nodes:
                node.meta.pop("stack_trace", None)  # it says where the code lay on this machine
            torch.export.save(program, folder / _FILE)
            again = torch.export.load(folder / _FILE).module()
            apart = max(graph.apart(model(*one), again(*one)) for one in probes)
    except (RuntimeError, ValueError, TypeError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"torch cannot write this model as a program ({cause}); use --format onnx, or serve the version with "
            "`mlflow models serve`"
        ) from error
    check_apart(apart, "hf", TOLERANCE)
    write_json(folder / "labels.json", names)
    opens = f'program = torch.export.load("{_FILE}").module()'
    called = "(one.detach().numpy() for one in program(torch.from_numpy(pixels)))"
    said = exported(processor.preprocessing, told, Runtime("pytorch", ("torch", "torchvision"), opens, called))
    return replace(said, note=f"torchvision is imported for its operators alone. {said.note}")
