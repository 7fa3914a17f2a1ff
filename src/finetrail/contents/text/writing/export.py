"""Export a model that writes answers to a Hugging Face folder, whose `generate` answers as the model does."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from finetrail.contents.exported import Asking, Exported, Snippet, stacked
from finetrail.contents.text.writing.chat import ChatProcessor
from finetrail.contents.text.writing.inputs import WrittenInputs, WrittenProcessor
from finetrail.contents.text.writing.writer import Writer
from finetrail.errors import ModelError
from finetrail.models.network import Network

_OPENS = """import torch
from transformers import {auto}, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(".", trust_remote_code=False)
model = {auto}.from_pretrained(".", trust_remote_code=False).eval()
"""
_TEXTS = """batch = tokenizer(texts, padding=True, truncation=True, max_length={most}, return_tensors="pt")
with torch.no_grad():
    found = model.generate(batch["input_ids"], attention_mask=batch["attention_mask"])[:, 1:]
"""
_TURNS = """tokenizer.padding_side = tokenizer.truncation_side = "left"
"""
_CONVERSATIONS = """asked = tokenizer.apply_chat_template(conversations, tokenize=False, add_generation_prompt=True)
batch = tokenizer(
    asked, add_special_tokens=False, padding=True, truncation=True, max_length={most}, return_tensors="pt"
)
with torch.no_grad():
    found = model.generate(batch["input_ids"], attention_mask=batch["attention_mask"])
found = found[:, batch["input_ids"].shape[1] :]
"""
_PRINTED = """print(tokenizer.batch_decode(found, skip_special_tokens=True))
"""
# Ids for the check; the code for people prints texts.
_IDS = """logits = torch.nn.functional.pad(found, (0, {most} - found.shape[1]), value={end}).numpy()
"""
_EXAMPLE = "The shuttle reached orbit after a flawless launch."
_AT_ONCE = 32


@dataclass(frozen=True)
class _Form:
    """How the code of a card asks.

    Attributes:
        given: the name of its list.
        laid: a row as that list has it.
        pipes: see `Exported`; transformers has no pipeline that turns one text into another.
    """

    opens: str
    given: str
    example: str
    asks: str
    reads: str
    laid: Any
    pipes: bool = False


def export_written(network: Network, processor: "WrittenProcessor | ChatProcessor", folder: Path) -> Exported:
    """Write configuration, safetensors, tokenizer, and how answers are written.

    Raises:
        ModelError: trained vectors stand in front of its texts.
    """
    backbone: Any = network.backbone
    if (soft := getattr(backbone, "soft", None)) is not None:
        raise ModelError(
            f"this model was adapted by {soft.method}, whose vectors have no place in a folder of transformers; "
            "use it as it is registered, or export one adapted by another method, such as lora"
        )
    model = backbone.model
    # transformers does not know that an encoder and a decoder of two kinds share their words.
    model.save_pretrained(folder, state_dict={name: one.clone() for name, one in model.state_dict().items()})
    alone = copy.deepcopy(model.generation_config)
    alone.num_return_sequences = 1
    alone.save_pretrained(folder)
    processor.tokenizer.save_pretrained(folder)
    form = _of_conversations(processor) if isinstance(processor, ChatProcessor) else _of_texts(processor)
    asks = form.asks.format(most=processor.max_tokens)
    snippet = Snippet(form.opens, form.given, form.example, asks + _PRINTED)
    ids = _IDS.format(most=backbone.most, end=backbone.end)
    code = Snippet(form.opens, form.given, form.example, asks + ids)
    asking = Asking(lambda contents, _: [form.laid(one) for one in contents], kept=_kept_of(backbone), code=code)
    return Exported("transformers", ("transformers", "torch"), snippet, form.reads, asking, pipes=form.pipes)


def _of_texts(processor: WrittenProcessor) -> _Form:
    prefix = f" Put {processor.prefix!r} in front of each." if processor.prefix else ""
    return _Form(
        _OPENS.format(auto="AutoModelForSeq2SeqLM"),
        "texts",
        f"[{json.dumps(processor.prefix + _EXAMPLE)}]",
        _TEXTS,
        f"It reads the first {processor.max_tokens} tokens of a text.{prefix}",
        processor.written,
    )


def _of_conversations(processor: ChatProcessor) -> _Form:
    return _Form(
        _OPENS.format(auto="AutoModelForCausalLM") + _TURNS,
        "conversations",
        f'[[{{"role": "user", "content": {json.dumps(_EXAMPLE)}}}]]',
        _CONVERSATIONS,
        f"It reads the last {processor.max_tokens} tokens of a conversation, written by the template of its tokenizer.",
        lambda messages: [dict(message) for message in messages],
        pipes=True,
    )


def _kept_of(backbone: Writer) -> Any:
    def kept(outputs: Any, inputs: WrittenInputs) -> list[Any]:
        """What the model itself would have kept, had it written these ids, (N,) of each row."""
        ids, found = torch.from_numpy(stacked(outputs)).long(), []
        for start in range(0, len(ids), _AT_ONCE):
            some: Sequence[int] = range(start, min(start + _AT_ONCE, len(ids)))
            with torch.inference_mode():
                weighed = backbone.weigh(inputs.batch(some), ids[list(some)]).numpy()
            found += [row[:, : 1 + int(row[2, 0])] for row in weighed]
        return found

    return kept
