"""Models of every form, exported, and a clean process in which their cards' own snippets answer."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from finetrail.models.backbone_settings import ImageBackbone, TextBackbone
from numpy.typing import NDArray
from PIL import Image

from finetrail.commands.export import Format, write_form
from finetrail.exports.card import render
from finetrail.exports.facts import Facts
from finetrail.inference.predict import predict
from finetrail.tasks.registry import get_entry, get_task
from finetrail.tasks.task import Built

LABELS = ["bad", "good", "neutral"]
TEXTS = ["good", "the door of a house by the river", "fine great superb stone", "cloud " * 40]
IMAGES = ["square.png", "wide.png", "turned.jpg"]

# As on another machine: finetrail cannot be imported, and nothing is fetched. Each card runs by itself.
ELSEWHERE = """
import importlib.util, json, os, pathlib, re, sys
sys.path[:] = [path for path in sys.path if not os.path.isdir(os.path.join(path, "finetrail"))]
assert importlib.util.find_spec("finetrail") is None, "finetrail is installed here"
import numpy
values = json.loads(sys.argv[1])
for folder in sys.argv[2:]:
    os.chdir(folder)
    card = pathlib.Path("README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\\n(.*?)```", card, re.DOTALL)[1]
    code, found = re.subn(r"(?m)^(texts|paths) = .*$", lambda at: f"{at[1]} = values[{at[1]!r}]", code)
    assert found == 1
    names = {"values": values}
    exec(code, names)
    numpy.save("logits.npy", numpy.asarray(names["logits"]))
"""


@dataclass(frozen=True)
class Case:
    """A model to export. Attributes: said: its own answers."""

    task: str
    built: Built
    said: NDArray[np.float32]


def build(task: str, backbone: TextBackbone | ImageBackbone, labels: list[str], images: Path) -> Built:
    """A model with random weights whose answers differ so much that another view of an image would show."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        built = get_task(task).build(backbone, labels, Path())
    built.model.eval()
    built.model.rescale(0.2 / float(answers(built, images).std(axis=0).min()), 0.0)
    return built


def answers(built: Built, images: Path) -> NDArray[np.float32]:
    """The model's own outputs."""
    texts = not hasattr(built.processor, "preprocessing")
    values: list[Any] = TEXTS if texts else [(images / name).read_bytes() for name in IMAGES]
    return predict(built.model, built.processor.encode(values), 64)


def export(built: Built, task: str, form: Format, folder: Path) -> Path:
    """As the command does, but for the registry."""
    folder.mkdir()
    done = write_form(built, get_entry(task).column, form, folder)
    (folder / "README.md").write_text(render(task, built.labels, done, Facts()), encoding="utf-8")
    return folder


def answer_elsewhere(folders: list[Path], values: dict[str, list[str]]) -> str:
    """Run the snippet of each folder's card, and leave its outputs as `logits.npy` there. Returns what they printed."""
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, json.dumps(values), *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "newly initialized" not in done.stderr, done.stderr
    return done.stdout


def draw(folder: Path) -> dict[str, list[str]]:
    """Images of noise: a square one, a wide one, and one that a camera held upright."""
    chance = np.random.default_rng(0)
    turned = Image.Exif()
    turned[0x0112] = 6
    for name, shape in zip(IMAGES, [(48, 48, 3), (50, 70, 3), (40, 60, 3)], strict=True):
        image = Image.fromarray(chance.integers(0, 256, shape, dtype=np.uint8))
        image.save(folder / name, exif=turned if name == "turned.jpg" else Image.Exif())
    return {"texts": TEXTS, "paths": [str(folder / name) for name in IMAGES]}
