"""Python for the cards of exported text models: it loads them and answers, to be run in their folder."""

import json

from finetrail.contents.exported import Outputs, Snippet
from finetrail.contents.text.processor import TextProcessor


def _example(processor: TextProcessor) -> str:
    """The tokenizer's input, as a person would write it for one row."""
    example, *others = "the shuttle reached orbit", *["it is in space"] * (len(processor.columns) - 1)
    content = dict(zip(processor.columns, (example, *others), strict=True)) if others else example
    written = processor.written(content)
    return f"[{json.dumps(written, ensure_ascii=False) if isinstance(written, str) else written!r}]"


def _texts(processor: TextProcessor, opens: str, answers: str, names: str) -> Snippet:
    return Snippet(opens, "texts", _example(processor), answers, names)


def classifier_snippet(processor: TextProcessor, outputs: Outputs) -> Snippet:
    """For a sequence classifier of transformers."""
    opens = """import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".", trust_remote_code=False)
model = AutoModelForSequenceClassification.from_pretrained(".", trust_remote_code=False).eval()
"""
    names = "model.config.id2label"
    answers = f"""with torch.no_grad():
    logits = model(**tokenizer(texts, padding=True, truncation=True, return_tensors="pt")).logits
{outputs.printed(names)}
"""
    return _texts(processor, opens, answers, outputs.named(names))


def onnx_snippet(processor: TextProcessor, outputs: Outputs, inputs: list[str]) -> Snippet:
    """For an ONNX file. Args: inputs: the names of what it takes."""
    opens = """import json
import onnxruntime
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".", trust_remote_code=False)
session = onnxruntime.InferenceSession("model.onnx")
"""
    answers = f"""batch = tokenizer(texts, padding=True, truncation=True, return_tensors="np")
(logits,) = session.run(["logits"], {{name: batch[name] for name in {tuple(inputs)!r}}})
{outputs.printed_by_file}
"""
    return _texts(processor, opens, answers, outputs.named("labels"))


def modules_snippet(processor: TextProcessor, outputs: Outputs, pooling: str, encoder: str, head: str) -> Snippet:
    """For an encoder and a separate head. Args: pooling: see `PooledEncoder`. encoder, head: the folders of both."""
    if pooling == "mean":
        pooled = """    mask = batch["attention_mask"].unsqueeze(-1)
    features = (tokens * mask).sum(1) / mask.sum(1).clamp(min=1)
"""
    elif pooling == "last":
        pooled = "    features = tokens[torch.arange(len(texts)), batch['attention_mask'].sum(1) - 1]\n"
    else:
        pooled = "    features = tokens[:, 0]\n"
    opens = f"""import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{encoder}", trust_remote_code=False)
encoder = AutoModel.from_pretrained("{encoder}", trust_remote_code=False).eval()
head = load_file("{head}/model.safetensors")
"""
    names = "encoder.config.id2label"
    answers = f"""batch = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
with torch.no_grad():
    tokens = encoder(**batch).last_hidden_state
{pooled}    logits = features @ head["linear.weight"].T + head["linear.bias"]
{outputs.printed(names)}
"""
    return _texts(processor, opens, answers, outputs.named(names))
