"""Toy texts and images that have any number of classes: the topics of their words, and their colours."""

import io
import json
import random
from pathlib import Path

import numpy as np
from PIL import Image

from tests.conftest import COMMON, TOPICS

WORDS = {name: words.split()[:12] for name, words in TOPICS.items()} | {"time": COMMON[-12:]}
"""The words that say that a text has a class."""
REST = COMMON[:-12]
"""Words that say nothing."""
COLOURS = ("blue", "green", "red")
SHARE = 0.35
"""Of rows, that have each class."""


def topical_texts(count: int, seed: int = 0) -> list[tuple[str, list[str]]]:
    """Texts and the classes that their words have; about every sixth text has none."""
    chance = random.Random(seed)  # noqa: S311 - toy data
    rows = []
    for _ in range(count):
        classes = [name for name in WORDS if chance.random() < SHARE]
        words = [chance.choice(WORDS[name]) for name in classes for _ in range(4)]
        words += [chance.choice(REST) for _ in range(24 - len(words))]
        chance.shuffle(words)
        rows.append((" ".join(words), classes))
    return rows


def write_jsonl(path: Path, rows: list[tuple[str, list[str] | None]]) -> Path:
    """Lists of classes as JSON has them."""
    lines = [json.dumps({"text": text, "labels": classes}) for text, classes in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def tinted_images(count: int, seed: int = 0) -> list[tuple[bytes, list[str]]]:
    """Images of noise, and the colours that are bright in them; some are dark altogether."""
    chance = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        classes = [name for name in COLOURS if chance.random() < SHARE]
        level = [180 if name in classes else 60 for name in reversed(COLOURS)]  # as RGB
        pixels = (np.array(level) + chance.normal(0, 25, (16, 16, 3))).clip(0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        rows.append((file.getvalue(), classes))
    return rows
