"""Models of every form, exported, and a clean process in which their cards' own snippets answer."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from finetrail.contents.image.settings import ImageBackbone
from finetrail.contents.text.settings import TextBackbone
from finetrail.exports.card import render
from finetrail.exports.facts import Facts
from finetrail.exports.forms import Form, write_form
from finetrail.inference.predict import predict
from finetrail.tasks.registry import get_task
from finetrail.tasks.task import Built

LABELS = ["bad", "good", "neutral"]
TEXTS = ["good", "the door of a house by the river", "fine great superb stone", "cloud " * 40]
PAIRS = [(TEXTS[0], TEXTS[1]), (TEXTS[1], TEXTS[0]), (TEXTS[3], TEXTS[2]), (TEXTS[2], TEXTS[3])]
IMAGES = ["square.png", "wide.png", "turned.jpg"]

KNOWN: dict[str, dict[str, Any]] = {
    "classes": {"labels": LABELS, "temperature": 1.5},
    "class_sets": {"labels": LABELS, "thresholds": [0.5, 0.25, 0.75], "slopes": [0.5, 1, 2], "shifts": [0.1, 0, -0.3]},
    "numbers": {"mean": 0.0, "std": 1.0},
}
"""What a model knows of its labels, by the kind of target."""

# As on another machine: finetrail cannot be imported, and nothing is fetched. Each card runs by itself.
WITHOUT_FINETRAIL = """
import contextlib, importlib.util, json, os, pathlib, re, sys
sys.path[:] = [path for path in sys.path if not os.path.isdir(os.path.join(path, "finetrail"))]
assert importlib.util.find_spec("finetrail") is None, "finetrail is installed here"
import numpy
values = json.loads(sys.argv[1])
values["pairs"] = list(map(tuple, values["pairs"]))
for folder in sys.argv[2:]:
    os.chdir(folder)
    card = pathlib.Path("README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\\n(.*?)```", card, re.DOTALL)[1]
    name = "pairs" if "texts = [(" in code else "texts" if "texts = [" in code else "paths"
    code, found = re.subn(r"(?m)^(texts|paths) = .*$", r"\\1 = given", code)
    assert found == 1
    names = {"given": values[name]}
    with open("printed.txt", "w", encoding="utf-8") as printed, contextlib.redirect_stdout(printed):
        exec(code, names)
    numpy.save("logits.npy", numpy.asarray(names["logits"]))
"""


@dataclass(frozen=True)
class Case:
    """A model to export. Attributes: said: its own answers."""

    built: Built
    said: NDArray[np.float32]

    @property
    def calibrated(self) -> NDArray[np.float64]:
        """What an export answers, so that the softmax or sigmoid of it is a calibrated probability."""
        slopes, shifts = self.built.codec.scales or (np.ones(1), np.zeros(1))
        return np.asarray(self.said * slopes + shifts, dtype=np.float64)


def build(
    name: str,
    backbone: TextBackbone | ImageBackbone,
    images: Path,
    *,
    problem_type: str | None = None,
    columns: tuple[str, ...] | None = None,
) -> Built:
    """A model with random weights whose answers differ so much that another view of an image would show."""
    task = get_task(name, problem_type)
    learning = task.target.learned(KNOWN[task.target.name])
    with torch.random.fork_rng():
        torch.manual_seed(3)
        built = task.build(backbone, learning, Path(), columns or (task.content.name,))
    built.model.eval()
    head = cast(nn.Linear, built.model.head)
    with torch.no_grad():
        scale = 0.2 / float(answers(built, images).std(axis=0).min())
        head.weight.mul_(scale)
        head.bias.mul_(scale)
    return built


def answers(built: Built, images: Path) -> NDArray[np.float32]:
    """The model's own outputs."""
    values: list[Any] = TEXTS
    if built.task.content.name == "image":
        values = [(images / name).read_bytes() for name in IMAGES]
    elif len(built.columns) > 1:
        values = [dict(zip(built.columns, pair, strict=True)) for pair in PAIRS]
    kept = predict(built.model, built.processor.encode(values), built.learning.keep, 64)
    assert isinstance(kept, np.ndarray)
    return kept


def export(built: Built, form: Form, folder: Path) -> Path:
    """As the command does, but for the registry."""
    folder.mkdir()
    done = write_form(built, form, folder)
    (folder / "README.md").write_text(render(built, done, Facts()), encoding="utf-8")
    return folder


def answer_without_finetrail(folders: list[Path], values: dict[str, list[Any]]) -> None:
    """Run the snippet of each folder's card; leave there its outputs as logits.npy, and what it said as printed.txt."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FINETRAIL, json.dumps(values), *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "newly initialized" not in done.stderr, done.stderr


def draw(folder: Path) -> dict[str, list[Any]]:
    """Images of noise: a square one, a wide one, and one that a camera held upright. Returns: all that is answered."""
    chance = np.random.default_rng(0)
    turned = Image.Exif()
    turned[0x0112] = 6
    for name, shape in zip(IMAGES, [(48, 48, 3), (50, 70, 3), (40, 60, 3)], strict=True):
        image = Image.fromarray(chance.integers(0, 256, shape, dtype=np.uint8))
        image.save(folder / name, exif=turned if name == "turned.jpg" else Image.Exif())
    return {"texts": TEXTS, "pairs": PAIRS, "paths": [str(folder / name) for name in IMAGES]}
