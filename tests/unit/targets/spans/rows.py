"""Answers to test with: likeliest spans that are drawn, and labels that they may have."""

from collections.abc import Sequence

import numpy as np

from finetrail.targets.spans.codec import SpanAnswers, SpanCodec
from finetrail.targets.spans.decoding import Candidates
from finetrail.targets.spans.reading import Label
from finetrail.targets.spans.settings import MOST

CONTEXT = "one two three four five six seven"
WORDS = [(0, 3), (4, 7), (8, 13), (14, 18), (19, 23), (24, 27), (28, 33)]


def likeliest(seed: int, count: int = MOST) -> Candidates:
    """Spans of whole words, best first."""
    chance = np.random.default_rng(seed)
    every = [(start, end) for number, (start, _) in enumerate(WORDS) for _, end in WORDS[number:]]
    spans = np.array([every[number] for number in chance.permutation(len(every))[:count]])
    scores = np.sort(chance.normal(size=count).astype(np.float32) * 4)[::-1]
    return Candidates(spans.reshape(-1, 2), scores, float(np.float32(chance.normal() * 4)), 1)


def answered(codec: SpanCodec, found: Sequence[Candidates]) -> SpanAnswers:
    """The answers of a codec to rows with that context."""
    best = [CONTEXT[slice(*one.spans[0].tolist())] if len(one.spans) else "" for one in found]
    return codec.answered(found, best)


def label_of(start: int, end: int) -> Label:
    """A label with one answer."""
    return [{"text": CONTEXT[start:end], "start": start}]
