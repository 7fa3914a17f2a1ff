"""Files and folders as users have them, small."""

import csv
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from finetrail.cli.asking import chooser
from finetrail.config import load_params
from finetrail.sections import Params
from finetrail.starting.asking import Asked
from finetrail.starting.document import read
from finetrail.starting.looking import Data
from finetrail.starting.recognising import recognise
from finetrail.starting.writing import params_of, project_of
from tests.contract.pipeline import REPOSITORY
from tests.images import draw

WORDS = "the food was cold but service very friendly and price low room clean bed hard breakfast good".split()


def text(number: int, words: int = 12) -> str:
    """A text that no other number has."""
    chance = random.Random(number)  # noqa: S311 - toy data
    return f"{' '.join(chance.choices(WORDS, k=words))} {number}"


def asked(task: str | None = None, labels: Sequence[str] = (), texts: Sequence[str] = ()) -> Asked:
    """What a person named who is not at a terminal."""
    return Asked(chooser(yes=False, terminal=False), tuple(texts), tuple(labels), task)


def data(path: Path, said: Asked | None = None) -> Data:
    """What `init` looks at."""
    return Data(path, f"data/input/{path.name}", said or asked())


def table(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write a table, in the format of its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    elif path.suffix in (".jsonl", ".json"):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            written = csv.DictWriter(file, rows[0].keys(), delimiter="\t" if path.suffix == ".tsv" else ",")
            written.writeheader()
            written.writerows(rows)
    return path


def rows(count: int = 60, /, **columns: Callable[[int], Any]) -> list[dict[str, Any]]:
    """Rows with a value of each column by the row's number."""
    return [{name: value(number) for name, value in columns.items()} for number in range(count)]


def image(path: Path, number: int = 0) -> None:
    """Write a small image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw("circle", number).save(path)


def mask(path: Path, values: Sequence[int]) -> None:
    """Write a mask with some values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.resize(np.array(values, dtype=np.uint8), (32, 32))).save(path)


def colour_mask(path: Path, colours: Sequence[tuple[int, int, int]]) -> None:
    """Write a mask with some colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.resize(np.array(colours, dtype=np.uint8), (32, 32, 3))).save(path)


def written(path: Path, said: Asked | None = None) -> tuple[Params, str]:
    """The checked params.yaml for data, and its text."""
    looked_at = data(path, said)
    shape, seen = recognise(looked_at)
    recipe = (REPOSITORY / "recipes" / f"{shape.recipe}.yaml").read_text(encoding="utf-8")
    made = params_of(recipe, shape, path.name, project_of(path.name), shape.params(looked_at, seen))
    root = Path(tempfile.mkdtemp(dir=path.parent))
    place = root / "data" / "input" / path.name
    place.parent.mkdir(parents=True)
    if path.is_dir():
        shutil.copytree(path, place)
    else:
        shutil.copyfile(path, place)
    (root / "params.yaml").write_text(made, encoding="utf-8")
    params = load_params(root / "params.yaml")
    assert [*params.candidates] == [*read(recipe)[1]["candidates"]]
    labels = [row.label for row in params.source.read(root)]
    assert len(labels) - labels.count(None) == seen.rows
    return params, made
