"""A model as ONNX, for runtimes without torch: any number of examples at once, and texts of any length."""

import io
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
import torch
from torch import nn

from finetrail.contents.exported import Exported, Graph, check_apart
from finetrail.errors import ConfigError, ModelError
from finetrail.workspace import write_json

TOLERANCE = 1e-3
_LARGE = 2**30  # bytes of weights; an ONNX file holds less than twice as many; larger ones go beside it


def write_onnx(graph: Graph, names: Sequence[str], folder: Path) -> Exported:
    """Write the graph and labels.json, and compare onnxruntime's answers for batches of all sizes.

    Args:
        names: the labels of the outputs.

    Raises:
        ConfigError: the packages of the extra `onnx` are not installed.
        ModelError: torch cannot write the model as ONNX, or see `check`.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  (torch's exporter needs it)
    except ImportError as error:
        raise ConfigError(
            f"--format onnx needs {error.name}, which is not installed; install the packages of the extra `onnx` in "
            "pyproject.toml"
        ) from error
    model = graph.module.eval()
    _write(model, graph, folder / graph.file)
    session = onnxruntime.InferenceSession(folder / graph.file, providers=["CPUExecutionProvider"])
    for inputs in graph.probes:
        with torch.no_grad():
            ours = model(*inputs.values())
        theirs = session.run(list(graph.names), {name: value.numpy() for name, value in inputs.items()})
        ours = ours if isinstance(ours, tuple) else (ours,)
        apart = graph.apart(ours, [torch.from_numpy(np.asarray(one)) for one in theirs])
        check_apart(apart, "onnx", TOLERANCE)
    write_json(folder / "labels.json", list(names))
    return graph.exported


def _write(model: nn.Module, graph: Graph, file: Path) -> None:
    """Trace the model."""
    inputs, axes = graph.probes[0], graph.axes
    # Named once: torch sees by itself that the axes of the other inputs are the same, and warns about a second name.
    unnamed = dict.fromkeys(axes, torch.export.Dim.DYNAMIC)
    size = sum(tensor.nbytes for tensor in model.state_dict().values())
    try:
        # On failure torch prints the whole graph. torchvision's operators call torch by deprecated names.
        with redirect_stderr(io.StringIO()), warnings.catch_warnings(action="ignore", category=FutureWarning):
            torch.onnx.export(
                model,
                tuple(inputs.values()),
                file,
                dynamo=True,
                input_names=list(inputs),
                output_names=list(graph.names),
                dynamic_shapes=(dict(axes), *[unnamed] * (len(inputs) - 1)) if axes else None,
                external_data=size > _LARGE,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        cause = " ".join(str(error.__cause__ or error).split())[:200]  # its own words are general advice
        raise ModelError(
            f"torch cannot write this model as ONNX ({cause}); serve the version with `mlflow models serve`, or use "
            "another --format where the model has one"
        ) from error
