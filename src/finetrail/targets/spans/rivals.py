"""Answers without a model, which a model has to beat: the best sentence, and the longest name."""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from finetrail.data.words import words
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.spans.codec import SpanAnswers
from finetrail.targets.spans.decoding import Candidates

Place = tuple[int, int]
"""Start and end in a context."""
_END = re.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])|\n+")


def rivals(asked: SplitRows) -> Mapping[str, SpanAnswers]:
    """Answers to the rows that are asked."""
    pairs = [tuple(content.values()) for content in asked.contents()]
    contexts = [context for _, context in pairs]
    return {
        "the sentence that shares most words with the question": _surely(
            contexts, [best_sentence(question, context) for question, context in pairs]
        ),
        "the longest run of capitalised words": _surely(contexts, [longest_name(context) for context in contexts]),
    }


def best_sentence(question: str, context: str) -> Place:
    """The sentence that shares most words with the question; the first of equals."""
    known = _known(question)
    return max(_sentences(context), key=lambda place: len(known & _known(context[slice(*place)])), default=(0, 0))


def longest_name(context: str) -> Place:
    """The longest run of words with a capital at their start; the first sentence where there is none."""
    runs: list[Place] = []
    for start, end in words(context):
        if context[start].isupper():
            follows = runs and not context[runs[-1][1] : start].strip(" ")
            runs[-1 if follows else len(runs) :] = [(runs[-1][0] if follows else start, end)]
    first = next(_sentences(context), (0, 0))
    return max(runs, key=lambda run: run[1] - run[0], default=first)


def _sentences(text: str) -> Iterator[Place]:
    at = 0
    for end in [*(found.start() for found in _END.finditer(text)), len(text)]:
        said = text[at:end].strip()
        if said:
            start = text.index(said, at)
            yield start, start + len(said)
        at = end


def _known(text: str) -> set[str]:
    return {text[start:end].casefold() for start, end in words(text) if text[start:end].isalnum()}


def _surely(contexts: Sequence[str], places: Sequence[Place]) -> SpanAnswers:
    """Answers beyond doubt."""
    one = np.zeros(1, dtype=np.float32)
    found = [Candidates(np.array([place], dtype=np.int64), one, 0.0, 1) for place in places]
    best = [context[start:end] for context, (start, end) in zip(contexts, places, strict=True)]
    return SpanAnswers(found, best, np.zeros(len(found), dtype=np.bool_), np.ones(len(found)))
