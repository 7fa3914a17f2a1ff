"""A problem of images small enough to see through: is it rather red or rather blue?"""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from finetrail.contents.image.settings import ImageBackbone
from finetrail.tasks.registry import get_task

LABELS = ["blue", "red"]
RED, BLUE = (230, 20, 20), (20, 20, 230)
NAME = "image-classification"


def image(colour: tuple[int, int, int], kind: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    """An encoded image of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return file.getvalue()


def save_red_or_blue(folder: Path) -> None:
    """Save a real classifier: a small network with random weights, and a head that was fitted to shades of both."""
    settings = ImageBackbone(name="timm/test_efficientnet", weights="random", image_size=32)
    task = get_task(NAME)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = task.build(settings, task.target.learned({"labels": LABELS}), folder, ["image"])
    chance = np.random.default_rng(0)
    colours = chance.integers(0, 256, (200, 3))
    values = [image((int(red), int(green), int(blue))) for red, green, blue in colours]
    inputs = built.processor.encode(values)
    with torch.no_grad():
        features = built.model.eval().features(inputs.batch(range(len(inputs))))
    redder = torch.from_numpy(colours[:, 0] - colours[:, 2]).float() / 16
    with_one = torch.cat([features, torch.ones(len(features), 1)], dim=1)
    slope = torch.linalg.lstsq(with_one, redder[:, None], driver="gelsd").solution[:, 0]
    both = torch.stack([-slope, slope])
    built.model.head.load_state_dict({"weight": both[:, :-1], "bias": both[:, -1]})
    task.save(built, settings, folder)
