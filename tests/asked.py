"""Toy contexts whose names and places are asked for, some of which lack the one or the other, as SQuAD's JSON."""

import json
import random
from pathlib import Path
from typing import Any

from tests.conftest import COMMON
from tests.tagged import FIRST, SECOND

QUESTIONS = {"PER": "who was there", "LOC": "where was it"}
LACKING = 0.15
"""The share of questions without an answer."""
WRONG = 0.05
"""The share of the others whose answer no model can get right."""
_FILLERS = [word for word in COMMON if word not in "who was there where it".split()]

Asked = tuple[str, str, list[dict[str, Any]]]
"""A question, its context, and its answers."""


def context(chance: random.Random, words: int) -> list[Asked]:
    """The two questions to a context of so many fillers, a name and a place."""
    texts = chance.sample(_FILLERS, words)
    said: dict[str, str] = {}
    for kind in chance.sample(sorted(QUESTIONS), 2):
        if chance.random() < LACKING:
            continue
        said[kind] = " ".join([chance.choice(FIRST[kind]), *([chance.choice(SECOND[kind])] * (chance.random() < 0.5))])
        texts.insert(chance.randrange(len(texts) + 1), said[kind])
    text = " ".join(texts)
    found: list[Asked] = []
    for kind, question in QUESTIONS.items():
        answer = chance.choice(texts) if chance.random() < WRONG else said.get(kind)
        answers = [{"text": answer, "answer_start": text.index(answer)}] if kind in said and answer else []
        found.append((question, text, answers))
    return found


def asked(count: int, seed: int = 0, *, long: bool = True) -> list[Asked]:
    """The questions to `count` contexts. Args: long: whether every eighth is a long one."""
    chance = random.Random(seed)  # noqa: S311 - toy data
    lengths = [30 if long and number % 8 == 7 else chance.randint(5, 9) for number in range(count)]
    return [one for words in lengths for one in context(chance, words)]


def write_squad(path: Path, rows: list[Asked]) -> Path:
    """One article; rows of equal contexts that follow each other are a paragraph."""
    paragraphs: list[dict[str, Any]] = []
    for number, (question, text, answers) in enumerate(rows):
        if not paragraphs or paragraphs[-1]["context"] != text:
            paragraphs.append({"context": text, "qas": []})
        own = {"id": str(number), "question": question, "answers": answers, "is_impossible": not answers}
        paragraphs[-1]["qas"].append(own)
    data = [{"title": "toy", "paragraphs": paragraphs}]
    path.write_text(json.dumps({"version": "v2.0", "data": data}), encoding="utf-8")
    return path
