"""Export a word model to a Hugging Face folder: a token classifier, which has a linear layer on each piece."""

import copy
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from finetrail.contents.exported import Asking, Exported, Graph, Outputs, Snippet, check, describe
from finetrail.contents.text.encoder import token_vectors
from finetrail.contents.text.export import filled, plain_encoder, write_tokenizer
from finetrail.contents.text.word_pieces import WordInputs, WordProcessor
from finetrail.errors import ModelError
from finetrail.models.network import Batch, Network

_PROBES = ["a", "Ada Lovelace wrote to Charles Babbage in London.", "one two three " * 10]
_EXAMPLE = '"Ada Lovelace wrote to Charles Babbage in London."'
# A pipeline gives spans, and no outputs to compare.
_OPENS = """import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".", trust_remote_code=False)
model = AutoModelForTokenClassification.from_pretrained(".", trust_remote_code=False).eval()
"""
_ANSWERS = """with torch.no_grad():
    logits = model(**tokenizer(texts, padding=True, truncation=True, return_tensors="pt")).logits
"""
NOTE = (
    "It gives logits for every piece; those of the first piece of a word are the word's. `finetrail` then takes the "
    "likeliest tags that are legal; a pipeline takes the likeliest tag of each word, even an I- that follows nothing."
)


def export_words(network: Network, processor: WordProcessor, folder: Path, outputs: Outputs) -> Exported:
    """Write a token classifier of transformers with its tokenizer, and read it back to compare.

    Raises:
        ModelError: transformers has no token classifier with a linear head for this kind of encoder; see also `check`.
    """
    from transformers import AutoModelForTokenClassification

    backbone = plain_encoder(network)
    head = cast(nn.Linear, network.head)
    config = copy.deepcopy(backbone.encoder.config)
    describe(config, outputs)
    config.problem_type = None  # token classifiers have none
    try:
        classifier: Any = AutoModelForTokenClassification.from_config(
            config, dtype=torch.float32, trust_remote_code=False
        )
    except ValueError as error:
        raise ModelError(
            f"transformers has no token classifier for {config.model_type!r}; use --format onnx"
        ) from error
    last = getattr(classifier, "classifier", None)
    if not isinstance(last, nn.Linear) or last.weight.shape != head.weight.shape:
        raise ModelError(f"the token classifier for {config.model_type!r} has no linear head; use --format onnx")
    with torch.no_grad():
        filled(classifier, backbone.encoder)
        last.weight.copy_(head.weight)
        last.bias.copy_(head.bias)
        classifier.save_pretrained(folder)
        tokenizer = write_tokenizer(processor, folder)
        again = AutoModelForTokenClassification.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        ).eval()
        batch = tokenizer(_PROBES, padding=True, truncation=True, return_tensors="pt")
        check(head(token_vectors(backbone.encoder.eval(), dict(batch))), again(**batch).logits, "hf")
    opens = """from transformers import pipeline

tagger = pipeline("token-classification", model=".", aggregation_strategy="first", trust_remote_code=False)
"""
    snippet = Snippet(opens, "text", _EXAMPLE, "print(tagger(text))\n")
    code = Snippet(_OPENS, "texts", f"[{_EXAMPLE}]", _ANSWERS, "model.config.id2label")
    return Exported("transformers", ("transformers", "torch"), snippet, reads(processor), asking(processor, code), NOTE)


def graph_of_words(network: Network, processor: WordProcessor, folder: Path, outputs: Outputs) -> Graph:
    """The model as a function of token ids to the logits of each piece (B, T, K), for ONNX; writes the tokenizer.

    Raises:
        ModelError: see `plain_encoder`.
    """
    batches = (["one two three", "four"], ["five", "six seven eight nine ten " * 9, "eleven"], ["twelve"])
    tensors = []
    for texts in batches:
        batch = processor.encode(texts).batch(range(len(texts)))
        tensors.append({name: batch[name] for name in ("input_ids", "attention_mask")})
    write_tokenizer(processor, folder)
    opens = """import json
import onnxruntime
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".", trust_remote_code=False)
session = onnxruntime.InferenceSession("model.onnx")
"""
    answers = f"""batch = tokenizer(texts, padding=True, truncation=True, return_tensors="np")
(logits,) = session.run(["logits"], {{name: batch[name] for name in ("input_ids", "attention_mask")}})
{outputs.printed_by_file}
"""
    snippet = Snippet(opens, "texts", f"[{_EXAMPLE}]", answers, outputs.named("labels"))
    said = Exported("onnx", ("onnxruntime", "transformers"), snippet, reads(processor), asking(processor), NOTE)
    module = _Pieces(plain_encoder(network).encoder, network.head)
    return Graph(module, tensors, {0: "batch", 1: "tokens"}, said)


def reads(processor: WordProcessor) -> str:
    """Say in a sentence how much of a text the model reads."""
    return (
        f"It reads {processor.max_tokens} pieces of a text at once; `finetrail` reads a longer one in windows that "
        "overlap, which this folder leaves to you."
    )


def asking(processor: WordProcessor, code: Snippet | None = None) -> Asking:
    """Texts that fit into one window are compared, by the outputs of the first piece of each word."""

    def fits(text: str) -> bool:
        return len(processor.tokenizer(text, verbose=False)["input_ids"]) <= processor.max_tokens

    def of_words(outputs: Any, inputs: WordInputs) -> list[Any]:
        return [outputs[row][list(window.pieces)] for row, window in zip(inputs.rows, inputs.windows, strict=True)]

    return Asking(lambda texts, folder: list(texts), fits, of_words, code)


class _Pieces(nn.Module):
    """The logits of every piece."""

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        batch: Batch = {"input_ids": input_ids, "attention_mask": attention_mask}
        logits: Tensor = self.head(token_vectors(self.encoder, batch))
        return logits
