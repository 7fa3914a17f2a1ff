"""Toy photos of shapes that can be found: squares and circles of their own colours, with Pascal VOC's annotations."""

import io
import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from finetrail.targets.boxes.reading import Box

INKS = {"circle": (230, 60, 50), "square": (60, 200, 90)}


def drawn(seed: int, size: tuple[int, int] = (64, 48)) -> tuple[Image.Image, list[Box]]:
    """A photo, and the boxes of its shapes; every tenth has none."""
    chance = random.Random(seed)  # noqa: S311 - toy data
    noise = np.random.default_rng(seed).normal(40, 6, (size[1], size[0], 3))
    image = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
    pencil, boxes = ImageDraw.Draw(image), []
    for half in range(2 if seed % 10 else 0):
        shape, side = chance.choice(sorted(INKS)), chance.randint(14, 24)
        left = half * size[0] // 2 + chance.randint(0, size[0] // 2 - side)
        top = chance.randint(0, size[1] - side)
        at = (left, top, left + side - 1, top + side - 1)
        (pencil.ellipse if shape == "circle" else pencil.rectangle)(at, fill=INKS[shape])
        boxes.append(Box(shape, left, top, left + side, top + side))
    return image, boxes


def png(image: Image.Image, turned: int = 1) -> bytes:
    """The file of an image. Args: turned: the EXIF orientation; 6 stores it lying on its side."""
    exif = Image.Exif()
    exif[0x0112] = turned
    file = io.BytesIO()
    (image.transpose(Image.Transpose.ROTATE_90) if turned == 6 else image).save(file, "PNG", exif=exif)
    return file.getvalue()


def voc(name: str, boxes: list[Box], size: tuple[int, int] = (64, 48)) -> str:
    """The annotation of an image."""
    objects = "".join(
        f"<object><name>{box.label}</name><bndbox><xmin>{box.xmin}</xmin><ymin>{box.ymin}</ymin>"
        f"<xmax>{box.xmax}</xmax><ymax>{box.ymax}</ymax></bndbox></object>"
        for box in boxes
    )
    shape = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    return f"<annotation><filename>{name}</filename>{shape}{objects}</annotation>"


def write_voc(path: Path, train: int, val: int, test: int) -> Path:
    """A zip in the layout of Pascal VOC with its official splits, and one annotation whose image is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ends = {"train": (0, train), "val": (train, train + val), "test": (train + val, train + val + test)}
    with zipfile.ZipFile(path, "w") as archive:
        for split, (first, last) in ends.items():
            archive.writestr(f"toy/ImageSets/Main/{split}.txt", "".join(f"{seed:03}\n" for seed in range(first, last)))
            for seed in range(first, last):
                image, boxes = drawn(seed)
                archive.writestr(f"toy/JPEGImages/{seed:03}.png", png(image))
                archive.writestr(f"toy/Annotations/{seed:03}.xml", voc(f"{seed:03}.png", boxes))
        archive.writestr("toy/Annotations/lost.xml", voc("lost.png", [Box("circle", 1, 1, 9, 9)]))
    return path


MASKED = ("background", "circle", "square")
"""The classes of `mask_of`, by number."""


def mask_of(boxes: list[Box], size: tuple[int, int] = (64, 48)) -> Image.Image:
    """The class of each pixel of a photo with these shapes."""
    image = Image.new("L", size)
    pencil = ImageDraw.Draw(image)
    for box in boxes:
        at = (box.xmin, box.ymin, box.xmax - 1, box.ymax - 1)
        (pencil.ellipse if box.label == "circle" else pencil.rectangle)(at, fill=MASKED.index(box.label))
    return image


def write_masks(path: Path, train: int, val: int, test: int) -> Path:
    """A table of photos with index images, in which 255 stands for pixels to ignore, and official splits."""
    splits = [*["train"] * train, *["val"] * val, *["test"] * test]
    rows = []
    for seed, split in enumerate(splits):
        image, boxes = drawn(seed)
        mask = mask_of(boxes)
        ImageDraw.Draw(mask).line((0, 0, 63, 0), fill=255)
        rows.append({"image": png(image), "mask": png(mask), "split": split})
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(path)
    return path


def write_instances(path: Path, train: int, val: int, test: int) -> Path:
    """A table of photos with the pixels of each shape, as JSON with run lengths that are not compressed, and splits."""
    rows = []
    for seed, split in enumerate([*["train"] * train, *["val"] * val, *["test"] * test]):
        image, boxes = drawn(seed)
        regions = [{"label": box.label, "counts": run_lengths(np.asarray(mask_of([box])) > 0)} for box in boxes]
        mask = {"width": image.width, "height": image.height, "regions": regions}
        rows.append({"image": png(image), "mask": json.dumps(mask), "split": split})
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(path)
    return path


def run_lengths(pixels: np.ndarray) -> list[int]:
    """COCO's run lengths, which go down the columns and begin with those that are not set."""
    flat = np.concatenate([[False], pixels.ravel(order="F")])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(length) for length in np.diff(edges, prepend=0, append=pixels.size)]
