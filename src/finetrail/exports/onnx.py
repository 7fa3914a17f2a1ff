"""A model as ONNX, for runtimes without torch: any number of examples at once, and texts of any length."""

import io
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.contents.image import export as images
from finetrail.contents.image.backbone import VisionBackbone
from finetrail.contents.image.preprocessing import Preprocessing
from finetrail.contents.image.processor import ImageProcessor
from finetrail.contents.text import export as texts
from finetrail.contents.text.backbone import TextProcessor
from finetrail.errors import ConfigError, ModelError
from finetrail.exports.exported import Exported, answer, check
from finetrail.targets.problem import REGRESSION
from finetrail.tasks.task import Built
from finetrail.workspace import write_json

TOLERANCE = 1e-3
MODEL = "model.onnx"
_LARGE = 2**30  # bytes of weights; a file of ONNX holds less than twice as many, larger ones stand beside it


class _Texts(nn.Module):
    def __init__(self, built: Built) -> None:
        super().__init__()
        self.pooled, self.head = texts.plain_encoder(built), built.model.head

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.head(self.pooled({"input_ids": input_ids, "attention_mask": attention_mask}))
        return logits


class _Pictures(nn.Module):
    def __init__(self, built: Built) -> None:
        super().__init__()
        network = cast(VisionBackbone, built.model.backbone).network
        self.network, self.head = network.to(memory_format=torch.contiguous_format), built.model.head

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.head(self.network(pixels))
        return logits


def export_onnx(built: Built, column: str, folder: Path) -> Exported:
    """Write model.onnx, labels.json and the preprocessing, and compare onnxruntime's answers for batches of all sizes.

    Args:
        column: what the model reads, `text` or `image`.

    Raises:
        ConfigError: the packages of the extra `onnx` are not installed.
        ModelError: the model cannot be written as ONNX, and see `plain_encoder` and `check`.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  (torch's exporter needs it)
    except ImportError as error:
        raise ConfigError(
            f"--format onnx needs {error.name}, which is not installed; install the packages of the extra `onnx` in "
            "pyproject.toml"
        ) from error
    made = _text_inputs(built) if column == "text" else _picture_inputs(built)
    model: nn.Module = (_Texts if column == "text" else _Pictures)(built).eval()
    _write(model, made[0], folder / MODEL, {0: "batch", 1: "tokens"} if column == "text" else {0: "batch"})
    session = onnxruntime.InferenceSession(folder / MODEL, providers=["CPUExecutionProvider"])
    for inputs in made:
        with torch.no_grad():
            ours = model(**inputs)
        (theirs,) = session.run(["logits"], {name: value.numpy() for name, value in inputs.items()})
        check(ours, torch.from_numpy(np.asarray(theirs)), "onnx", TOLERANCE)
    write_json(folder / "labels.json", built.labels)
    if column == "text":
        processor = cast(TextProcessor, built.processor)
        texts.write_tokenizer(processor, folder)
        return Exported("onnx", ("onnxruntime", "transformers"), _text_snippet(built), texts.reads(processor))
    own = cast(ImageProcessor, built.processor).preprocessing
    write_json(folder / "preprocessing.json", vars(own))
    packages = ("onnxruntime", "numpy", "pillow")
    return Exported("onnx", packages, _picture_snippet(built, own), images.reads(own), images.NOTE)


def _write(model: nn.Module, inputs: dict[str, Tensor], file: Path, axes: dict[int, str]) -> None:
    """Trace the model. Args: axes: of each input those that may have any length, and their names in the file."""
    # They are named once: torch sees by itself that those of the other inputs are the same, and warns of a second name.
    unnamed = dict.fromkeys(axes, torch.export.Dim.DYNAMIC)
    size = sum(tensor.nbytes for tensor in model.state_dict().values())
    try:
        with redirect_stderr(io.StringIO()):  # of what fails, torch prints the whole graph
            torch.onnx.export(
                model,
                tuple(inputs.values()),
                file,
                dynamo=True,
                input_names=list(inputs),
                output_names=["logits"],
                dynamic_shapes=(axes, *[unnamed] * (len(inputs) - 1)),
                external_data=size > _LARGE,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        cause = " ".join(str(error.__cause__ or error).split())[:200]  # its own words are general advice
        raise ModelError(f"torch cannot write this model as ONNX ({cause}); use --format hf") from error


def _text_inputs(built: Built) -> list[dict[str, Tensor]]:
    """Batches of two, three and one texts, of different lengths."""
    encode = cast(TextProcessor, built.processor).encode
    batches = (["one two three", "four"], ["five", "six seven eight nine ten " * 9, "eleven"], ["twelve"])
    return [dict(encode(batch).batch(range(len(batch)))) for batch in batches]


def _picture_inputs(built: Built) -> list[dict[str, Tensor]]:
    size = cast(ImageProcessor, built.processor).preprocessing.image_size
    noise = torch.Generator().manual_seed(0)
    return [{"pixels": torch.randn(number, 3, size, size, generator=noise)} for number in (2, 3, 1)]


def _answer(built: Built) -> str:
    read = "" if built.problem == REGRESSION.name else 'labels = json.load(open("labels.json", encoding="utf-8"))\n'
    return read + answer(built, "labels")


def _text_snippet(built: Built) -> str:
    return f"""import json
import onnxruntime
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".")
session = onnxruntime.InferenceSession("{MODEL}")
texts = ["the shuttle reached orbit"]
batch = tokenizer(texts, padding=True, truncation=True, return_tensors="np")
(logits,) = session.run(["logits"], {{name: batch[name] for name in ("input_ids", "attention_mask")}})
{_answer(built)}
"""


def _picture_snippet(built: Built, own: Preprocessing) -> str:
    size, resize = own.image_size, own.resize
    method: Any = own.interpolation.upper()
    return f"""import json
import numpy, onnxruntime
from PIL import Image, ImageOps

def view(path):
    image = {images.OPENED}
    shorter = min(image.size)
    image = image.resize([{resize} * side // shorter for side in image.size], Image.Resampling.{method})
    left, top = (round((side - {size}) / 2) for side in image.size)
    pixels = numpy.asarray(image.crop((left, top, left + {size}, top + {size})), dtype="float32") / 255
    return ((pixels - {list(own.mean)}) / {list(own.std)}).astype("float32").transpose(2, 0, 1)

session = onnxruntime.InferenceSession("{MODEL}")
paths = ["picture.png"]
(logits,) = session.run(["logits"], {{"pixels": numpy.stack([view(path) for path in paths])}})
{_answer(built)}
"""
