"""Export a reader of contexts to a Hugging Face folder: a model for question answering, linear on each token."""

from pathlib import Path
from typing import Any

import torch

from finetrail.contents.exported import Asking, Exported, Graph, Outputs, Snippet, check
from finetrail.contents.text.context_pieces import PieceInputs, PieceProcessor
from finetrail.contents.text.export import probes, write_tokenizer
from finetrail.contents.text.export_tokens import TokenOutputs, write_linear
from finetrail.models.network import Network

_PROBES = ["who wrote to Babbage?", "Ada Lovelace wrote to Charles Babbage in London.", "one two three " * 10]
_EXAMPLE = '[("Where did she write?", "Ada Lovelace wrote to Charles Babbage in London.")]'
_PRINTED = """for number, (question, context) in enumerate(rows):
    inside = [place for place, text in enumerate(batch.sequence_ids(number)) if text == 1]
    scores = np.add.outer(logits[number, inside, 0], logits[number, inside, 1])
    scores[np.tril_indices(len(inside), -1)] = -np.inf  # no end before its start
    first, last = (inside[place] for place in np.unravel_index(scores.argmax(), scores.shape))
    print(context[batch.token_to_chars(number, first).start : batch.token_to_chars(number, last).end])
"""
NOTE = (
    "It gives logits of start and end for every token. `finetrail` also reads a longer context in windows that "
    "overlap, bounds the length of an answer, and compares it with the first token, which stands for no answer."
)


def export_pieces(network: Network, processor: PieceProcessor, folder: Path, outputs: Outputs) -> Exported:
    """Write a question answering model of transformers with its tokenizer, and read it back to compare.

    Raises:
        ModelError: see `write_linear`, and `check`.
    """
    from transformers import AutoModelForQuestionAnswering

    again = write_linear(
        AutoModelForQuestionAnswering, network, folder, outputs, last="qa_outputs", what="question answering"
    )
    tokenizer = write_tokenizer(processor, folder)
    questions, contexts = zip(*(content.values() for content in probes(processor, _PROBES)), strict=True)
    batch = tokenizer(list(questions), list(contexts), padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        theirs = again(**batch)
        ours = TokenOutputs(network, tuple(batch)).eval().of(dict(batch))
    check(ours, torch.stack((theirs.start_logits, theirs.end_logits), dim=-1), "hf")
    opens = """import numpy as np
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".", trust_remote_code=False)
model = AutoModelForQuestionAnswering.from_pretrained(".", trust_remote_code=False).eval()
"""
    answers = f"""{_batch("pt")}
with torch.no_grad():
    found = model(**batch)
logits = torch.stack((found.start_logits, found.end_logits), dim=-1).numpy()
{_PRINTED}"""
    snippet = Snippet(opens, "rows", _EXAMPLE, answers)
    return Exported("transformers", ("transformers", "torch"), snippet, reads(processor), asking(processor), NOTE)


def graph_of_pieces(network: Network, processor: PieceProcessor, folder: Path, outputs: Outputs) -> Graph:
    """The model as a function of token ids to the logits of each token (B, T, 2), for ONNX; writes the tokenizer.

    Raises:
        ModelError: trained vectors stand in front of its texts.
    """
    batches = (["one two three", "four"], ["five", "six seven eight nine ten " * 3, "eleven"], ["twelve"])
    tensors = []
    for texts in batches:
        inputs = processor.encode(probes(processor, texts))
        batch = inputs.batch(range(len(inputs)))
        tensors.append({name: batch[name] for name in _names(processor)})
    write_tokenizer(processor, folder)
    opens = """import numpy as np
import onnxruntime
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".", trust_remote_code=False)
session = onnxruntime.InferenceSession("model.onnx")
"""
    answers = f"""{_batch("np")}
(logits,) = session.run(["logits"], {{name: batch[name] for name in {_names(processor)!r}}})
{_PRINTED}"""
    snippet = Snippet(opens, "rows", _EXAMPLE, answers)
    said = Exported("onnx", ("onnxruntime", "transformers"), snippet, reads(processor), asking(processor), NOTE)
    module = TokenOutputs(network, _names(processor))
    return Graph(module, tensors, {0: "batch", 1: "tokens"}, said)


def reads(processor: PieceProcessor) -> str:
    """Say in a sentence how much of a context the model reads."""
    return (
        f"It reads {processor.max_tokens} pieces of question and context at once; `finetrail` reads a longer context "
        "in windows that overlap, which this folder leaves to you."
    )


def asking(processor: PieceProcessor) -> Asking:
    """Contexts that fit into one window are compared, by the outputs of the pieces that may be an answer."""

    def fits(content: Any) -> bool:
        question, context = content.values()
        return len(processor.tokenizer(question, context, verbose=False)["input_ids"]) <= processor.max_tokens

    def of_pieces(outputs: Any, inputs: PieceInputs) -> list[Any]:
        found, pairs = list(outputs), zip(inputs.rows, inputs.windows, strict=True)
        return [found[row][window.places] for row, window in pairs]

    return Asking(lambda contents, folder: [list(content.values()) for content in contents], fits, of_pieces)


def _names(processor: PieceProcessor) -> tuple[str, ...]:
    """What the encoder reads."""
    return ("input_ids", "attention_mask", *(["token_type_ids"] if processor.has_segments else []))


def _batch(kind: str) -> str:
    """Python that makes a batch. Args: kind: of its tensors."""
    return (
        "questions, contexts = map(list, zip(*rows))\n"
        f'batch = tokenizer(questions, contexts, padding=True, truncation="only_second", return_tensors="{kind}")'
    )
