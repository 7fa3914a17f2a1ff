"""Trains again and again in child processes that get SIGKILL: `python -m tests.unit.training.killed FOLDER KILLS`.

Prints how often it killed in which moment, and for each training that came to its end the hash of all that it left.
A program of its own, because only a process with no threads of PyTorch may be forked; a fork spares the import.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # the optimiser's first step imports it, in each child for itself

from finetrail.evaluation.scores.metric import Point
from finetrail.inference.predict import Kept
from finetrail.models.weights import save_tensors
from tests.unit.training.test_resume import noisy
from tests.unit.training.toys import score, train

SETTINGS: dict[str, Any] = {"epochs": 4, "batch_size": 8, "checkpoint_seconds": 0, "average": "ema"}
SETTINGS |= {"log_every": 5, "evaluate_every": 7}
MOMENTS = ["anywhere", "anywhere", "saving", "evaluating"]


def learn(folder: Path) -> None:
    """Train, or go on; leave `done` with the hash of weights, curves and the selected checkpoint."""

    def slow_score(kept: Kept) -> Point:
        (folder / "evaluating").touch()
        time.sleep(0.01)
        point = score(kept)
        (folder / "evaluating").unlink()
        return point

    folder.mkdir(exist_ok=True)
    (folder / "evaluating").unlink(missing_ok=True)
    run = train(folder, model=noisy(), resume=True, score=slow_score, **SETTINGS)
    save_tensors(run.weights, folder / "weights")
    curves = json.dumps([run.fitted.train_curve, run.fitted.val_curve]).encode()
    best = run.fitted.best_file.encode() + (folder / run.fitted.best_file).read_bytes()
    (folder / "done").write_text(hashlib.sha256((folder / "weights").read_bytes() + curves + best).hexdigest())


def start(folder: Path) -> int:
    """Train in a child; returns its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        learn(folder)
        code = 0
    finally:
        os._exit(code)


def wait_for(moment: str, folder: Path, seconds: float) -> None:
    deadline = time.monotonic() + (random.uniform(0, seconds) if moment == "anywhere" else 5.0)  # noqa: S311
    marks = {"saving": folder / "unnamed.partial.partial", "evaluating": folder / "evaluating", "anywhere": None}
    mark = marks[moment]
    before = random.randrange(30) if mark else 0  # noqa: S311  (not always the first one)
    while time.monotonic() < deadline and not (folder / "done").exists():
        if mark and mark.exists():
            before -= 1
            if before < 0:
                return
        time.sleep(0.0002)  # much shorter than what is waited for, and leaves the core to the child


def main(folder: Path, kills: int) -> None:
    torch.set_num_threads(1)
    random.seed(0)
    began = time.monotonic()
    assert os.waitpid(start(folder / "whole"), 0)[1] == 0
    seconds = time.monotonic() - began
    results = [(folder / "whole" / "done").read_text()]
    killed: Counter[str] = Counter()
    cut = folder / "cut"
    while killed.total() < kills:
        moment = MOMENTS[killed.total() % len(MOMENTS)]
        child = start(cut)
        wait_for(moment, cut, seconds / 4)
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        killed[moment] += status == signal.SIGKILL
        if (cut / "done").exists():
            results.append((cut / "done").read_text())
            shutil.rmtree(cut)
    assert os.waitpid(start(cut), 0)[1] == 0
    results.append((cut / "done").read_text())
    print(json.dumps({"killed": killed, "results": results}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
