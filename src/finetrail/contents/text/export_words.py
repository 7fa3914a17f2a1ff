"""Export a word model to a Hugging Face folder: a token classifier, which has a linear layer on each piece."""

from pathlib import Path
from typing import Any

import torch

from finetrail.contents.exported import Asking, Exported, Graph, Outputs, Snippet, check
from finetrail.contents.text.export import write_tokenizer
from finetrail.contents.text.export_tokens import TokenOutputs, write_linear
from finetrail.contents.text.word_pieces import WordInputs, WordProcessor
from finetrail.models.network import Network

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
        ModelError: see `write_linear`, and `check`.
    """
    from transformers import AutoModelForTokenClassification

    again = write_linear(
        AutoModelForTokenClassification, network, folder, outputs, last="classifier", what="token classifier"
    )
    tokenizer = write_tokenizer(processor, folder)
    batch = tokenizer(_PROBES, padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        check(TokenOutputs(network, tuple(batch)).eval().of(dict(batch)), again(**batch).logits, "hf")
    opens = """from transformers import pipeline

tagger = pipeline("token-classification", model=".", aggregation_strategy="first", trust_remote_code=False)
"""
    snippet = Snippet(opens, "text", _EXAMPLE, "print(tagger(text))\n")
    code = Snippet(_OPENS, "texts", f"[{_EXAMPLE}]", _ANSWERS, "model.config.id2label")
    asked, packages = asking(processor, code), ("transformers", "torch")
    return Exported("transformers", packages, snippet, reads(processor), asked, NOTE, pipes=True)


def graph_of_words(network: Network, processor: WordProcessor, folder: Path, outputs: Outputs) -> Graph:
    """The model as a function of token ids to the logits of each piece (B, T, K), for ONNX; writes the tokenizer.

    Raises:
        ModelError: trained vectors stand in front of its texts.
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
    module = TokenOutputs(network, tuple(tensors[0]))
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
        found, pairs = list(outputs), zip(inputs.rows, inputs.windows, strict=True)
        return [found[row][list(window.pieces)] for row, window in pairs]

    return Asking(lambda texts, folder: list(texts), fits, of_words, code)
