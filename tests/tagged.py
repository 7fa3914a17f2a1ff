"""Toy sentences whose names and places can be learnt, in documents of a CoNLL file."""

import random
from pathlib import Path

from tests.conftest import COMMON, TOPICS

WORDS = {"LOC": TOPICS["weather"].split(), "PER": TOPICS["sailing"].split()}
FIRST = {kind: [word.capitalize() for word in words[:8]] for kind, words in WORDS.items()}
"""What stands for places and for names, written with a capital letter."""
SECOND = {kind: [word.capitalize() for word in words[8:12]] for kind, words in WORDS.items()}
"""What may follow one of them."""
WRONG = 0.05
"""The share of them whose type no model can get right."""
A_DOCUMENT = 5
"""Sentences of a document."""

Sentence = list[tuple[str, str]]
"""Each word with its tag, in IOB2."""


def sentence(chance: random.Random, words: int, wrong: float = WRONG) -> Sentence:
    """So many words about nothing, with names and places of one word or two between them, and a full stop."""
    found: Sentence = []
    for number in range(words):
        found.append((chance.choice(COMMON), "O"))
        if number % 4 == 1 and chance.random() < 0.8:
            kind, said = chance.sample(sorted(WORDS), 2)
            said = said if chance.random() < wrong else kind
            found.append((chance.choice(FIRST[kind]), f"B-{said}"))
            if chance.random() < 0.5:
                found.append((chance.choice(SECOND[kind]), f"I-{said}"))
    return [*found, (".", "O")]


def sentences(count: int, seed: int = 0, wrong: float = WRONG) -> list[Sentence]:
    """Every eighth is a long one. Args: wrong: the share of names and places with the wrong type."""
    chance = random.Random(seed)  # noqa: S311 - toy data
    return [sentence(chance, 28 if number % 8 == 7 else chance.randint(4, 9), wrong) for number in range(count)]


def text_of(one: Sentence) -> str:
    """The words with spaces between them."""
    return " ".join(word for word, _ in one)


def spans_of(one: Sentence) -> list[tuple[str, str]]:
    """What its names and places are, in order: words and type."""
    found: list[tuple[str, str]] = []
    for word, tag in one:
        if tag.startswith("B-"):
            found.append((word, tag[2:]))
        elif tag.startswith("I-"):
            found[-1] = (f"{found[-1][0]} {word}", tag[2:])
    return found


def write_conll(path: Path, rows: list[Sentence]) -> Path:
    """A token and its tag a line; a line -DOCSTART- before each document."""
    lines = []
    for number, one in enumerate(rows):
        if number % A_DOCUMENT == 0:
            lines += ["-DOCSTART- O", ""]
        lines += [*(f"{word} {tag}" for word, tag in one), ""]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
