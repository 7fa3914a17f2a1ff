"""What a training must give again as long as nobody means to change it: recorded before the code was rearranged.

Weights and answers are compared bit for bit where the machine is the one that recorded them (processor, threads,
precision, build of PyTorch: see `finetrail.training.measured`), and by their scores elsewhere. What does not depend on
the machine, such as the split, is always the same.

To record anew, after a change that is meant: `python -m tests.pipeline.same NAME WORKSPACE`.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from finetrail.models.weights import hash_tensors, load_tensors
from finetrail.workspace import Workspace, read_json

RECORDED = Path(__file__).with_name("recorded.json")
ELSEWHERE = 0.1
"""How far scores of a toy training may be apart on another machine."""


def described(workspace: Workspace) -> dict[str, Any]:
    """What is recorded of a workspace in which the stages have run up to `test`."""
    split = read_json(workspace.split_report)
    runs = {folder.name: workspace.run(folder.name) for folder in sorted(workspace.runs.glob("*/"))}
    return {
        "machine": {name: read_json(paths.record)["machine"] for name, paths in runs.items()},
        "split": hashlib.sha256(json.dumps(split, sort_keys=True).encode()).hexdigest(),
        "weights": {
            name: hash_tensors(load_tensors(workspace.model(name) / "model.safetensors")) for name in runs
        },
        "answers": {name: _hash_answers(paths.predictions) for name, paths in runs.items()},
        "val": {name: read_json(paths.metrics)["val"] for name, paths in runs.items()},
        "test": read_json(workspace.test_report / "metrics.json")["test"],
    }


def assert_same(name: str, workspace: Workspace) -> None:
    """Compare a workspace with what is recorded under a name."""
    found, recorded = described(workspace), read_json(RECORDED)[name]
    assert found["split"] == recorded["split"]
    trained = sorted(set(found["weights"]) & set(recorded["weights"]))
    assert trained
    for candidate in trained:
        kinds = ("weights", "answers", "val")
        if found["machine"][candidate] == recorded["machine"][candidate]:
            assert [found[kind][candidate] for kind in kinds] == [recorded[kind][candidate] for kind in kinds]
        else:
            assert found["val"][candidate] == pytest.approx(recorded["val"][candidate], abs=ELSEWHERE, rel=ELSEWHERE)


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
