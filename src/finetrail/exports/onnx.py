"""A model as ONNX, for runtimes without torch: any number of examples at once, and texts of any length."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from finetrail.errors import ConfigError
from finetrail.exports.exported import Exported, check
from finetrail.exports.texts import plain_encoder, write_tokenizer
from finetrail.models.image_inputs import ImageProcessor
from finetrail.models.preprocessing import Preprocessing
from finetrail.models.text import TextProcessor
from finetrail.models.vision import VisionBackbone
from finetrail.problem import REGRESSION
from finetrail.tasks.task import Built
from finetrail.workspace import write_json

TOLERANCE = 1e-3
MODEL = "model.onnx"


class _Texts(nn.Module):
    def __init__(self, built: Built) -> None:
        super().__init__()
        self.pooled, self.head = plain_encoder(built), built.model.head

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.head(self.pooled({"input_ids": input_ids, "attention_mask": attention_mask}))
        return logits


class _Pictures(nn.Module):
    def __init__(self, built: Built) -> None:
        super().__init__()
        self.network, self.head = cast(VisionBackbone, built.model.backbone).network, built.model.head
        self.to(memory_format=torch.contiguous_format)

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.head(self.network(pixels))
        return logits


def export_onnx(built: Built, column: str, folder: Path) -> Exported:
    """Write model.onnx, labels.json and the preprocessing, and compare onnxruntime's answers for two sizes of batches.

    Args:
        column: what the model reads, `text` or `image`.

    Raises:
        ConfigError: the packages of the extra `onnx` are not installed.
        ModelError: see `finetrail.exports.texts.plain_encoder`, and `check`.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  (torch's exporter needs it)
    except ImportError as error:
        raise ConfigError(
            f"--format onnx needs {error.name}, which is not installed; install the extra: pip install finetrail[onnx]"
        ) from error
    made = _text_inputs(built) if column == "text" else _picture_inputs(built)
    model: nn.Module = (_Texts if column == "text" else _Pictures)(built).eval()
    axes = {name: {0: "batch", **({1: "tokens"} if column == "text" else {})} for name in made[0]}
    torch.onnx.export(
        model,
        tuple(made[0].values()),
        folder / MODEL,
        dynamo=True,
        input_names=list(axes),
        output_names=["logits"],
        dynamic_shapes=tuple(dict.fromkeys(given, torch.export.Dim.DYNAMIC) for given in axes.values()),
        external_data=False,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(folder / MODEL, providers=["CPUExecutionProvider"])
    for inputs in made:
        with torch.no_grad():
            ours = model(**inputs)
        (theirs,) = session.run(["logits"], {name: value.numpy() for name, value in inputs.items()})
        check(ours, torch.from_numpy(np.asarray(theirs)), "onnx", TOLERANCE)
    write_json(folder / "labels.json", built.labels)
    if column == "text":
        write_tokenizer(cast(TextProcessor, built.processor), folder)
        return Exported("onnx", ("onnxruntime", "transformers"), _text_snippet(built), "")
    own = cast(ImageProcessor, built.processor).preprocessing
    write_json(folder / "preprocessing.json", vars(own))
    return Exported("onnx", ("onnxruntime", "numpy", "pillow"), _picture_snippet(built, own), "")


def _text_inputs(built: Built) -> list[dict[str, Tensor]]:
    processor = cast(TextProcessor, built.processor)
    return [
        dict(processor.encode(texts).batch(range(len(texts))))
        for texts in (["one two three", "four"], ["five", "six seven eight nine ten " * 9, "eleven"])
    ]


def _picture_inputs(built: Built) -> list[dict[str, Tensor]]:
    size = cast(ImageProcessor, built.processor).preprocessing.image_size
    noise = torch.Generator().manual_seed(0)
    return [{"pixels": torch.randn(number, 3, size, size, generator=noise)} for number in (2, 3)]


def _answer(built: Built) -> str:
    if built.problem == REGRESSION.name:
        return "print(logits[:, 0].tolist())"
    return (
        'labels = json.load(open("labels.json", encoding="utf-8"))\n'
        "print([labels[number] for number in logits.argmax(1).tolist()])"
    )


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
from PIL import Image

def view(path):
    image = Image.open(path).convert("RGB")
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
