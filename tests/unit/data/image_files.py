"""Encoded images for tests: small, and each different from the others."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def noise_image(seed: int, size: tuple[int, int] = (24, 16)) -> Image.Image:
    """Random blots of colour, coarse and fine as in photos. Args: size: width and height in pixels."""
    chance = np.random.default_rng(seed)
    layers = [Image.fromarray(chance.integers(0, 256, (side, side, 3), np.uint8)) for side in (4, 12)]
    coarse, fine = (layer.resize(size, Image.Resampling.BICUBIC) for layer in layers)
    return Image.blend(coarse, fine, 0.35)


def encode(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    """The bytes of an image file."""
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()


def put(root: Path, name: str, data: bytes) -> Path:
    """Write a file and the folders above it."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def pixel_lines(count: int, side: int = 8) -> tuple[np.ndarray, list[str]]:
    """Grey values (count, side * side), and the same as lines of a CSV file."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, side * side), np.uint8)
    return pixels, [",".join(map(str, line)) for line in pixels.tolist()]
