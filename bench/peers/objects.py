"""Images with boxes as the sides of bench/detection.py read them: files in a folder, and a list of what is on them."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.learning import BoxLearning
from finetrail.tasks.registry import get_task
from peers.params import section
from peers.setup import SPLITS, Setup

TASK = get_task("object-detection")
WIDTH, TOWER = 64, 1
"""Channels of the pyramid, and convolutions of the head."""
LEAST = 0.05
"""The least score of a box that counts."""
SIZE = (640, 480)
COLOURS = {"brick": (180, 60, 50), "leaf": (60, 150, 70), "plum": (120, 70, 150)}
_Row = tuple[bytes | Image.Image, list[dict[str, Any]]]


def write(archive: Path | None, folder: Path, sizes: dict[str, int]) -> list[str]:
    """Write so many images of each split; returns the names of the classes.

    Args:
        archive: any source of boxes with official splits; None: images are drawn.
    """
    found: set[str] = set()
    for split in SPLITS:
        rows = _read(archive, split) if archive else _drawn(split, sizes[split])
        (folder / split).mkdir()
        images = []
        for number, (image, boxes) in enumerate(rows):
            file = folder / split / f"{number:05}.jpg"
            if isinstance(image, bytes):
                file.write_bytes(image)
            else:
                image.save(file, quality=90)
            with Image.open(file) as opened:
                images.append({"file": str(file), "size": opened.size, "boxes": boxes})
            found |= {box["label"] for box in boxes}
            if number + 1 == sizes[split]:
                break
        (folder / f"{split}.json").write_text(json.dumps(images), encoding="utf-8")
    return sorted(found)


def read(setup: Setup, split: str) -> list[dict[str, Any]]:
    """The `file`, `size` and `boxes` of each image."""
    found: list[dict[str, Any]] = json.loads((Path(setup.folder) / f"{split}.json").read_text(encoding="utf-8"))
    return found


def learning_of(classes: Iterable[str]) -> BoxLearning:
    return BoxLearning(BoxCodec(tuple(classes), "fcos", WIDTH, TOWER))


def _read(archive: Path, split: str) -> Iterable[_Row]:
    for row in section(TASK, "source", {"path": str(archive)}).read(Path()):
        boxes: Any = row.label
        if row.split == split and all(box["xmin"] < box["xmax"] and box["ymin"] < box["ymax"] for box in boxes):
            yield bytes(row.content), boxes


def _drawn(split: str, count: int) -> Iterable[_Row]:
    """Ellipses of three colours on a noisy ground."""
    generator = np.random.default_rng(SPLITS.index(split))
    for _ in range(count):
        ground = generator.integers(150, 230, (SIZE[1] // 16, SIZE[0] // 16, 3), dtype=np.uint8)
        image = Image.fromarray(ground).resize(SIZE, Image.Resampling.BICUBIC)
        boxes = []
        for _ in range(int(generator.integers(2, 16))):
            name = list(COLOURS)[int(generator.integers(len(COLOURS)))]
            wide, high = generator.integers(24, 120, 2).tolist()
            left, top = int(generator.integers(SIZE[0] - wide)), int(generator.integers(SIZE[1] - high))
            ImageDraw.Draw(image).ellipse((left, top, left + wide, top + high), fill=COLOURS[name])
            corners = {"xmin": left, "ymin": top, "xmax": left + wide, "ymax": top + high}
            boxes.append({"label": name, **corners, "crowd": False})
        yield image, boxes
