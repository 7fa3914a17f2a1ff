"""Python for the cards of exported text models: it loads them and answers, to be run in their folder."""

import json

from finetrail.contents.exported import Outputs
from finetrail.contents.text.processor import TextProcessor


def _asked(processor: TextProcessor) -> str:
    """Python that makes the tokenizer's input, as a person would write it for one row."""
    example, *others = "the shuttle reached orbit", *["it is in space"] * (len(processor.columns) - 1)
    content = dict(zip(processor.columns, (example, *others), strict=True)) if others else example
    written = processor.written(content)
    return f"texts = [{json.dumps(written, ensure_ascii=False) if isinstance(written, str) else written!r}]"


def classifier_snippet(processor: TextProcessor, outputs: Outputs) -> str:
    """For a sequence classifier of transformers."""
    return f"""import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".", trust_remote_code=False)
model = AutoModelForSequenceClassification.from_pretrained(".", trust_remote_code=False).eval()
{_asked(processor)}
with torch.no_grad():
    logits = model(**tokenizer(texts, padding=True, truncation=True, return_tensors="pt")).logits
{outputs.printed("model.config.id2label")}
"""


def onnx_snippet(processor: TextProcessor, outputs: Outputs, names: list[str]) -> str:
    """For an ONNX file. Args: names: of its inputs."""
    return f"""import json
import onnxruntime
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".", trust_remote_code=False)
session = onnxruntime.InferenceSession("model.onnx")
{_asked(processor)}
batch = tokenizer(texts, padding=True, truncation=True, return_tensors="np")
(logits,) = session.run(["logits"], {{name: batch[name] for name in {tuple(names)!r}}})
{outputs.printed_by_file}
"""


def modules_snippet(processor: TextProcessor, outputs: Outputs, pooling: str, head: str) -> str:
    """For an encoder and a separate head. Args: pooling: see `PooledEncoder`; head: the folder of its weights."""
    if pooling == "mean":
        pooled = """    mask = batch["attention_mask"].unsqueeze(-1)
    features = (tokens * mask).sum(1) / mask.sum(1).clamp(min=1)
"""
    else:
        pooled = "    features = tokens[:, 0]\n"
    return f"""import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".", trust_remote_code=False)
encoder = AutoModel.from_pretrained(".", trust_remote_code=False).eval()
head = load_file("{head}/model.safetensors")
{_asked(processor)}
batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
with torch.no_grad():
    tokens = encoder(**batch).last_hidden_state
{pooled}    logits = features @ head["linear.weight"].T + head["linear.bias"]
{outputs.printed("encoder.config.id2label")}
"""
