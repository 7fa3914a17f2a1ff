"""Texts ready for gradients: taken at the embeddings of the pieces, added up by words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from torch import Tensor

from finetrail.contents.explainable import Explainable, Values
from finetrail.contents.text.processor import TextProcessor
from finetrail.contents.text.soft_prompts import PrefixEncoder, PromptEncoder
from finetrail.evaluation.report.section import render
from finetrail.models.network import Network

_HERE = "finetrail.contents.text"
SPECIAL = "(other)"
"""What stands for the pieces that the tokenizer adds."""


@dataclass(frozen=True)
class Word:
    """A word of a text. Attributes: before: what separates it from the one before; pieces: their places."""

    text: str
    before: str
    pieces: tuple[int, ...]


@dataclass(frozen=True)
class WordParts:
    """See `finetrail.contents.explainable.Parts`. The last part is all that belongs to no word."""

    words: tuple[Word, ...]

    @property
    def names(self) -> Sequence[str]:
        return [*(word.text for word in self.words), SPECIAL]

    def summed(self, attributions: Tensor) -> Values:
        """Args: attributions: of embeddings (T, E)."""
        pieces = attributions.double().sum(-1).cpu().numpy()
        values = [float(pieces[list(word.pieces)].sum()) for word in self.words]
        return np.array([*values, float(pieces.sum()) - sum(values)])

    def shown(self, values: Values) -> Markup:
        most = float(np.abs(values[:-1]).max(initial=0.0)) or 1.0
        shares = (values[:-1] / most).tolist()
        return render("words.html.jinja", _HERE, words=list(zip(self.words, shares, strict=True)))


def explainable_texts(network: Network, processor: TextProcessor, content: Any) -> list[Explainable]:
    """A row's examples, one for each window of its text; see `finetrail.contents.content.Networks`."""
    backbone: Any = network.backbone
    encoder = backbone.encoder
    if isinstance(encoder, PromptEncoder | PrefixEncoder):
        encoder = encoder.encoder
    tokenizer = processor.tokenizer
    kinds = ("mask", "pad", "unk", "eos")
    fillers = [token for kind in kinds if (token := getattr(tokenizer, f"{kind}_token_id")) is not None]
    filler = next(iter(fillers), 0)
    inputs = processor.encode([content])
    found = processor.tokenized([content], return_special_tokens_mask=True, return_offsets_mapping=tokenizer.is_fast)
    written = processor.written(content)
    texts = [written] if isinstance(written, str) else list(written)
    examples = []
    for example in range(len(inputs)):
        batch = inputs.batch([example])
        ids, special = batch["input_ids"], found["special_tokens_mask"][example]
        baseline = ids.clone()
        baseline[0, [place for place, one in enumerate(special) if not one]] = filler
        words = _words(found, example, texts) if tokenizer.is_fast else _pieces(tokenizer, ids[0].tolist(), special)
        name = tokenizer.convert_ids_to_tokens(filler)
        compared = f"the same text with {name} in place of every piece"
        layer = encoder.get_input_embeddings()
        examples.append(Explainable(batch, "input_ids", baseline, layer, WordParts(tuple(words)), compared))
    return examples


def _words(found: Any, example: int, texts: Sequence[str]) -> list[Word]:
    """The words as the tokenizer divides the texts, each with its pieces."""
    numbers = zip(found.sequence_ids(example), found.word_ids(example), found["offset_mapping"][example], strict=True)
    places: dict[tuple[int, int], list[int]] = {}
    edges: dict[tuple[int, int], tuple[int, int]] = {}
    for place, (text, number, (start, end)) in enumerate(numbers):
        if text is None or number is None:
            continue
        word = (text, number)
        places.setdefault(word, []).append(place)
        edges[word] = (edges.get(word, (start, end))[0], end)
    words, last = [], (0, 0)
    for word, own in places.items():
        (start, end), text = edges[word], word[0]
        gap = " " if texts[text][last[1] : start].strip() == "" and start > last[1] else ""
        before = " | " if text != last[0] else gap
        words.append(Word(texts[text][start:end].strip(), before, tuple(own)))
        last = (text, end)
    return words


def _pieces(tokenizer: Any, ids: Sequence[int], special: Sequence[int]) -> list[Word]:
    """Each piece for itself, of a tokenizer that does not tell where a piece is in the text."""
    names = tokenizer.convert_ids_to_tokens(ids)
    return [Word(name, " ", (place,)) for place, (name, one) in enumerate(zip(names, special, strict=True)) if not one]
