"""What a training must give again as long as nobody means to change it: recorded before the code was rearranged.

Weights and answers are compared bit for bit where the machine is the one that recorded them (processor, threads,
precision, build of PyTorch: see `finetrail.training.measured`), and by their scores elsewhere. What does not depend on
the machine, such as the split, is always the same.

A split is told by split.json, with its hashes of ids, labels and contents. Labels that are numbers were hashed as their
source writes them, and are hashed by their value now: `written` gives the writing, so that the rows are still compared.

To record anew, after a change that is meant: `python -m tests.pipeline.same NAME WORKSPACE`.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.data.splitting.report import content_hash
from finetrail.models.weights import hash_tensors, load_tensors
from finetrail.workspace import SPLITS, Workspace, read_json
from tests.whole import read_whole

RECORDED = Path(__file__).with_name("recorded.json")
ELSEWHERE = 0.1
"""How far scores of a toy training may be apart on another machine."""


Written = Callable[[Any], str]
"""A label of a text as its source writes it."""


def described(workspace: Workspace, written: Written | None = None) -> dict[str, Any]:
    """What is recorded of a workspace in which the stages have run up to `test`."""
    split = read_json(workspace.split_report)
    if written is not None:
        split["sha256"] = {name: _hash_split(workspace.split(name), written) for name in SPLITS}
    runs = {folder.name: workspace.run(folder.name) for folder in sorted(workspace.runs.glob("*/"))}
    return {
        "machine": {name: read_json(paths.record)["machine"] for name, paths in runs.items()},
        "split": hashlib.sha256(json.dumps(split, sort_keys=True).encode()).hexdigest(),
        "weights": {name: hash_tensors(load_tensors(workspace.model(name) / "model.safetensors")) for name in runs},
        "answers": {name: _hash_answers(paths.predictions) for name, paths in runs.items()},
        "val": {name: read_json(paths.details)["val"] for name, paths in runs.items()},
        "test": read_json(workspace.test_details)["test"],
    }


def assert_same(name: str, workspace: Workspace, written: Written | None = None) -> None:
    """Compare a workspace with what is recorded under a name."""
    found, recorded = described(workspace, written), read_json(RECORDED)[name]
    assert found["split"] == recorded["split"]
    trained = sorted(set(found["weights"]) & set(recorded["weights"]))
    assert trained
    for candidate in trained:
        kinds = ("weights", "answers", "val")
        if found["machine"][candidate] == recorded["machine"][candidate]:
            assert [found[kind][candidate] for kind in kinds] == [recorded[kind][candidate] for kind in kinds]
        else:
            assert found["val"][candidate] == pytest.approx(recorded["val"][candidate], abs=ELSEWHERE, rel=ELSEWHERE)
    if found["machine"] == recorded["machine"]:  # so the same candidates were compared, and the same one was tested
        assert found["test"] == recorded["test"]


def _hash_split(folder: Path, written: Written) -> str:
    rows = read_whole(folder).sort_values("id", kind="stable")
    contents = [hashlib.sha256(text.encode()).hexdigest() for text in rows["text"]]
    return content_hash(rows["id"].tolist(), [written(label) for label in rows["label"]], contents)


def _hash_answers(predictions: Path) -> str:
    frame = pd.read_parquet(predictions).sort_values("id", kind="stable")
    column = frame["logits" if "logits" in frame else "prediction"]
    answers = np.stack([np.atleast_1d(one) for one in column]).astype(np.float64)
    return hashlib.sha256(answers.tobytes()).hexdigest()


def main(name: str, workspace: Path) -> None:
    """Record a workspace under a name."""
    known = read_json(RECORDED) if RECORDED.exists() else {}
    known[name] = described(Workspace(workspace))
    RECORDED.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
