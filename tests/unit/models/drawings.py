"""Encoded images for tests: small, all different, and quick to make."""

import io

import numpy as np
from PIL import Image

from finetrail.contents.image.preprocessing import Preprocessing


def encode(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def noises(count: int, height: int = 12, width: int = 12, kind: str = "PNG") -> list[bytes]:
    return [encode(noise(height, width, seed), kind) for seed in range(count)]


def preprocessing(size: int = 12, resize: int | None = None, interpolation: str = "bilinear") -> Preprocessing:
    return Preprocessing(size, resize or size, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), interpolation)
