"""The splits of a workspace as the peers read them."""

import json
from pathlib import Path
from typing import Any

from finetrail.data.store.shards import Contents, read_frame
from finetrail.tasks.registry import get_task
from finetrail.workspace import Workspace
from peers.params import learn_numbers, save_start, section
from peers.setup import SPLITS, Setup


def export(workspace: Workspace, params: dict[str, Any], train: dict[str, Any], folder: Path) -> Setup:
    """Write the rows and the weights that all sides start from.

    Args:
        params: the content of params.yaml.
        train: what the candidate says of the training, with nothing open.
    """
    task = get_task(params["task"])
    labels = {split: read_frame(workspace.split(split))["label"].tolist() for split in SPLITS}
    contents = {split: list(Contents(workspace.split(split), task.content.name)) for split in SPLITS}
    names = sorted(set(labels["train"]))
    if task.content.name == "text":
        rows = {
            split: {"texts": contents[split], "labels": [names.index(one) for one in labels[split]]} for split in SPLITS
        }
        (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    else:
        for split in SPLITS:
            for place, (image, label) in enumerate(zip(contents[split], labels[split], strict=True)):
                file = folder / split / str(label) / f"{place}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(image)
    settings = section(task, "train", params["train"] | train)
    return Setup(
        task=params["task"],
        backbone=save_start(
            task, section(task, "backbone", params["backbone"]), learn_numbers(task, len(names)), folder
        ),
        folder=str(folder),
        classes=len(names),
        method="linear_probe",
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        rate=settings.learning_rate,
        optimizer=settings.optimizer,
        weight_decay=settings.weight_decay,
        warmup=settings.warmup,
        clip=settings.clip,
        seed=params["seed"],
    )
