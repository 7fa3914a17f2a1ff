"""Our side of bench/detection.py: the stage `train` with its last scoring, without MLflow and DVC."""

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from finetrail.adaptation.full import Full
from finetrail.inference.device import fix_seeds
from peers.objects import TASK, learning_of, read
from peers.ours import IMPORTED, fine_tune
from peers.params import section
from peers.setup import SPLITS, Clock, Setup


def main() -> None:
    setup = Setup.read()
    fix_seeds(setup.seed)
    rows = {split: read(setup, split) for split in SPLITS}
    learning = learning_of(setup.names)
    built = TASK.build(section(TASK, "backbone", setup.backbone), learning, Path(), (TASK.content.name,))
    built.model.load_state_dict(setup.start)
    settings = settings_of(setup)
    for name in IMPORTED:
        import_module(name)
    clock = Clock()
    labels: dict[str, list[Any]] = {split: [row["boxes"] for row in rows[split]] for split in SPLITS}
    with tempfile.TemporaryDirectory() as folder:
        inputs = {}
        for split in SPLITS:
            values = [Path(row["file"]).read_bytes() for row in rows[split]]
            augment = settings.augment if split == "train" else None
            encoded: Any = built.processor.encode(values, augment=augment, scratch=Path(folder))
            inputs[split] = encoded.labelled(learning.encode(labels[split], encoded))

        def score(kept: Any) -> dict[str, float]:
            found = dict(learning.score(kept, inputs["val"], labels["val"]))
            clock.evaluated(found["map_50"])
            return found

        method = Full(method="full")
        fine_tune(setup, settings, built, method, inputs=inputs, labels=labels, score=score, scratch=Path(folder))
    clock.stop()


def settings_of(setup: Setup) -> Any:
    """Section `train` of params.yaml."""
    settings = {
        "epochs": setup.epochs,
        "batch_size": setup.batch_size,
        "optimizer": setup.optimizer,
        "learning_rate": setup.rate,
        "schedule": "cosine",
        "warmup": setup.warmup,
        "weight_decay": setup.weight_decay,
        "clip": setup.clip,
        "metric": "map_50",
        "augment": {"flip": "horizontal"},
    }
    return section(TASK, "train", settings)


if __name__ == "__main__":
    main()
