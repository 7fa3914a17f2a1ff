"""What the stages before `assess` leave, of problems small enough to see through."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from finetrail.contents.text.settings import TextBackbone
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.selection import Selection, Standing, choose
from finetrail.stages.assess import assess
from finetrail.tasks.task import Built, Task
from finetrail.workspace import Workspace, read_json, write_json
from tests.unit.assessment.pipelines import pipeline_of
from tests.unit.params_file import load
from tests.unit.red_or_blue import BLUE, RED, image, save_red_or_blue
from tests.unit.test_sections import IMAGES


def chosen(workspace: Workspace, metric: Metric, rows: Mapping[str, Any]) -> None:
    """Write validation rows, and the choice of the model `full`. Args: rows: id, content and label, maybe group."""
    folder = workspace.split("val")
    folder.mkdir(parents=True)
    groups = {"group": pa.array([None] * len(rows["id"]), pa.string())}
    pq.write_table(pa.table(groups | dict(rows)), folder / "part-00000.parquet")
    standing = Standing("full", 0.7, 0.6, 0.8, 0.0, 0.0, 0.0, 10, 20)
    write_json(workspace.selection_report, choose([standing], Selection(metric=metric.name), metric).as_json())


def coloured(root: Path, metric: Metric) -> Workspace:
    """24 images of one colour each, and a model that reads it."""
    workspace = Workspace(root)
    rows = {
        "id": [f"row{number:02d}" for number in range(24)],
        "image": [image(RED if number % 2 else BLUE, size=(8 + number % 3, 8)) for number in range(24)],
        "label": ["red" if number % 2 else "blue" for number in range(24)],
    }
    chosen(workspace, metric, rows)
    save_red_or_blue(workspace.model("full"))
    return workspace


def text_model(task: Task, described: Mapping[str, Any], weights: Path, folder: Path) -> Built:
    """Build a text model with a tiny encoder and a random head, and save it."""
    settings = TextBackbone(weights=str(weights), max_tokens=64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        built = task.build(settings, task.target.learned(described), folder, ["text"])
    task.save(built, settings, folder)
    return built


def assessed(
    workspace: Workspace, tmp_path: Path, name: str, settings: Mapping[str, Any], **edits: Any
) -> tuple[dict[str, Any], list[str], str]:
    """Assess images, or what `edits` say: the numbers that are written, the lines that were told, and the finding."""
    params = load(tmp_path, (edits or IMAGES) | {"assess": {name: dict(settings)}})
    lines: list[str] = []
    done = assess(workspace, name, params.assess.asked()[name], pipeline=pipeline_of(params), tell=lines.append)
    written: dict[str, Any] = read_json(workspace.assessment(name) / f"{name}.json")
    return written, lines, done.said
