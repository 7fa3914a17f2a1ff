"""Texts that need no model: the source itself, its first sentence, and what belongs to the nearest training row."""

import re
from collections.abc import Mapping, Sequence

from finetrail.data.canonical import canonical
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.sequences.codec import SequenceAnswers
from finetrail.targets.sequences.judge import unsure
from finetrail.targets.sequences.sources import source_texts
from finetrail.targets.sequences.words import counted_words

MOST_KNOWN = 20_000
"""Training rows among which the nearest is sought, evenly spaced."""
AT_ONCE = 256
"""Rows whose similarities to all of these are held at once."""
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？।])|\n\s*\n")  # noqa: RUF001


def rivals(asked: SplitRows, known: SplitRows) -> Mapping[str, SequenceAnswers]:
    """Answers to the rows that are asked. Args: known: the training rows."""
    sources = [canonical(" ".join(source_texts(content))) for content in asked.contents()]
    step = max(1, -(-len(known.labels) // MOST_KNOWN))
    kept = (content for place, content in enumerate(known.contents()) if place % step == 0)
    texts = [canonical(" ".join(source_texts(content))) for content in kept]
    found = {
        "the source itself": sources,
        "its first sentence": [first_sentence(text) for text in sources],
        "the target of the nearest training row": nearest(sources, texts, known.labels[::step]),
    }
    if found["its first sentence"] == sources:
        del found["its first sentence"]
    return {name: unsure(said) for name, said in found.items()}


def first_sentence(text: str) -> str:
    """A text up to its first full stop, question mark or exclamation mark, or to the end of a paragraph."""
    return next((part for part in _END.split(text.strip()) if part.strip()), "").strip()


def nearest(sources: Sequence[str], known: Sequence[str], labels: Sequence[str]) -> list[str]:
    """The label of the known text most like each source: by the cosine of tf-idf vectors of their words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=counted_words, sublinear_tf=True)
    try:
        of_known = vectorizer.fit_transform(known).T
    except ValueError:  # no text has a word
        return [labels[0] for _ in sources]
    found: list[str] = []
    for start in range(0, len(sources), AT_ONCE):
        likeness = (vectorizer.transform(sources[start : start + AT_ONCE]) @ of_known).toarray()
        found += [labels[place] for place in likeness.argmax(axis=1)]
    return found
