"""Toy texts and images whose label is a number that can be learnt: how many cooking words, and how bright."""

import io
import random

from PIL import Image

from tests.conftest import COMMON, TOPICS

BASE, STEP = 2000.0, 50.0
"""The label of a text without cooking words, and what each of them adds."""


def counted_text(chance: random.Random, words: int = 20) -> tuple[str, float]:
    """A text of so many words, and its number."""
    cooking = chance.randint(0, words - 4)
    chosen = [chance.choice(TOPICS["cooking"].split()) for _ in range(cooking)]
    chosen += [chance.choice(COMMON) for _ in range(words - cooking)]
    chance.shuffle(chosen)
    return " ".join(chosen), BASE + STEP * cooking


def counted_texts(count: int, seed: int = 0) -> list[tuple[str, float]]:
    """Texts and their numbers."""
    chance = random.Random(seed)  # noqa: S311  (toy data)
    return [counted_text(chance) for _ in range(count)]


def bright_image(chance: random.Random) -> tuple[bytes, float]:
    """An image with noise in it, and its mean brightness as a share."""
    level = chance.randint(30, 220)
    pixels = bytes(min(255, max(0, level + chance.randint(-25, 25))) for _ in range(3 * 16 * 16))
    file = io.BytesIO()
    Image.frombytes("RGB", (16, 16), pixels).save(file, "PNG")
    return file.getvalue(), sum(pixels) / len(pixels) / 255


def bright_images(count: int, seed: int = 0) -> list[tuple[bytes, float]]:
    """Images and their numbers."""
    chance = random.Random(seed)  # noqa: S311  (toy data)
    return [bright_image(chance) for _ in range(count)]
