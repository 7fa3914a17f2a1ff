"""Toy images that can be learnt: shapes of any colour on any ground."""

import io
import random
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SHAPES = ("circle", "cross", "square")


def draw(shape: str, seed: int, size: int = 32) -> Image.Image:
    """A shape at a random place, in random colours, with some noise."""
    chance = random.Random(f"{shape}{seed}")  # noqa: S311 - toy data
    ground, ink = (tuple(chance.randrange(*span) for _ in range(3)) for span in ((0, 110), (145, 256)))
    noise = np.random.default_rng(seed).normal(0, 6, (size, size, 3))
    image = Image.fromarray((np.array(ground) + noise).clip(0, 255).astype(np.uint8))
    pencil = ImageDraw.Draw(image)
    width = chance.randint(size // 3, size * 2 // 3)
    left, top = chance.randint(1, size - width - 2), chance.randint(1, size - width - 2)
    right, bottom = left + width, top + width
    if shape == "circle":
        pencil.ellipse((left, top, right, bottom), fill=ink)
    elif shape == "square":
        pencil.rectangle((left, top, right, bottom), fill=ink)
    else:
        pencil.line((left, top, right, bottom), fill=ink, width=max(2, size // 8))
        pencil.line((left, bottom, right, top), fill=ink, width=max(2, size // 8))
    return image


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    """The bytes of an image's file."""
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def write_zip(path: Path, train: int, test: int, extra: dict[str, bytes] | None = None, size: int = 32) -> Path:
    """A zip in the layout `shapes/{train,test}/<class>/*.png` with so many images a class, and other members."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for split, first, count in (("train", 0, train), ("test", train, test)):
            for shape in SHAPES:
                for number in range(first, first + count):
                    archive.writestr(f"shapes/{split}/{shape}/{number:04}.png", encoded(draw(shape, number, size)))
        for name, content in (extra or {}).items():
            archive.writestr(name, content)
    return path
