"""A search, compared with an exhaustive grid and with plain Optuna around transformers' Trainer.

    python bench/search.py                                    # a slice of 20 Newsgroups, linear_probe, three seeds
    python bench/search.py --method lora --epochs 3 --points 5

All three search the learning rate and the batch size of one method on the same rows, each in one process. The grid has
all its points trained; ours (TPE, median pruner) and the peer (the same sampler and pruner around the tuned Trainer of
bench/text.py) have the same number of trials. Walls are of the whole process. `reached` is the number of seconds of
trials until one is as good as the best point of the grid, less one standard error of its accuracy on these rows.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from finetrail.locations import locate
from finetrail.runs.study import read_study
from finetrail.workspace import Workspace

REPOSITORY = Path(__file__).parents[1]
RATES = {"linear_probe": (1e-4, 1e-1), "lora": (1e-5, 1e-1), "full": (1e-6, 1e-2)}
ADAPTATION: dict[str, dict[str, Any]] = {
    "linear_probe": {"method": "linear_probe"},
    "lora": {"method": "lora", "r": 8, "alpha": 16, "target_modules": ["query", "value"]},
    "full": {"method": "full"},
}
BATCHES = [16, 32, 64]


@dataclass(frozen=True)
class Searched:
    """Attributes: wall: seconds of the process; trials: seconds of each and its accuracy, None where it was pruned."""

    wall: float
    trials: list[tuple[float, float | None]]

    def reached(self, wanted: float) -> float | None:
        """Seconds of trials until one is as good as wanted; None: none is."""
        seconds = 0.0
        for each, value in self.trials:
            seconds += each
            if value is not None and value >= wanted:
                return seconds
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=list(RATES), default="linear_probe")
    parser.add_argument("--train", type=int, default=600, help="rows of the official train split to keep")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--points", type=int, default=7, help="of the learning rate in the grid")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked = parser.parse_args()
    rows: list[dict[str, float]] = []
    for seed in asked.seeds:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(race(Workspace(Path(folder)), asked, seed))
            print(f"seed {seed}: " + ", ".join(f"{name} {value:.3g}" for name, value in rows[-1].items()), flush=True)
    for name in rows[0]:
        print(f"{name}: median {statistics.median(row[name] for row in rows):.3g}")


def race(workspace: Workspace, asked: argparse.Namespace, seed: int) -> dict[str, float]:
    """All three with one seed."""
    params = YAML().load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    params["source"]["limit"] = {"train": asked.train, "test": 100}
    common: dict[str, Any] = {"epochs": asked.epochs, "metric": "accuracy", "warmup": 0.1}
    low, high = RATES[asked.method]
    rate = {"log": [low, high], "points": asked.points}
    train = common | {"learning_rate": rate, "batch_size": {"choice": BATCHES}}
    one = {"adaptation": ADAPTATION[asked.method], "train": train}
    searches = {
        "grid": {"sampler": "grid", "confirm": None},
        "ours": {"pruner": "median", "confirm": None, "budget": {"trials": asked.trials}},
    }
    params |= {"seed": seed, "candidates": {name: one | {"search": search} for name, search in searches.items()}}
    (workspace.root / "data" / "input").mkdir(parents=True)
    with workspace.params.open("w", encoding="utf-8") as file:
        YAML().dump(params, file)
    for stage in ("ingest", "validate", "split"):
        finetrail(workspace, stage)
    found = {name: ours(workspace, name) for name in searches}
    found["peer"] = peer(workspace, params, asked, seed)
    best = max(value for _, value in found["grid"].trials if value is not None)
    rows = json.loads(workspace.split_report.read_text(encoding="utf-8"))["rows"]["val"]
    wanted = best - math.sqrt(best * (1 - best) / rows)
    grid = sum(seconds for seconds, _ in found["grid"].trials)
    reached = found["ours"].reached(wanted)
    spent = sum(seconds for seconds, _ in found["ours"].trials)
    return {
        "grid best": best,
        "reached / grid": math.inf if reached is None else reached / grid,
        "wall / peer": found["ours"].wall / found["peer"].wall,
        "wall": found["ours"].wall,
        "peer wall": found["peer"].wall,
        "grid wall": found["grid"].wall,
        "outside of trials": found["ours"].wall - spent,
    }


def ours(workspace: Workspace, name: str) -> Searched:
    """The stage, from the start of its process to the model."""
    # Each begins with nothing: the grid's trainings would be there for the other.
    began = time.perf_counter()
    finetrail(workspace, "train", name, FINETRAIL_CHECKPOINTS=str(workspace.root / "checkpoints" / name))
    wall = time.perf_counter() - began
    study = read_study(workspace.run(name).study_record)
    return Searched(wall, [(one.seconds, one.value) for one in study.trials] if study else [])


def peer(workspace: Workspace, params: dict[str, Any], asked: argparse.Namespace, seed: int) -> Searched:
    """Optuna around the Trainer, in a process of its own."""
    given = {
        "splits": str(workspace.splits),
        "weights": str(locate(params["backbone"]["weights"], workspace.root)),
        "max_tokens": params["backbone"]["max_tokens"],
        "method": asked.method,
        "rates": RATES[asked.method],
        "batches": BATCHES,
        "epochs": asked.epochs,
        "trials": asked.trials,
        "seed": seed,
    }
    began = time.perf_counter()
    command = [sys.executable, "-m", "peers.trainer_search"]
    bench = Path(__file__).parent
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, env=quiet(), cwd=bench)
    if done.returncode:
        sys.exit(done.stderr)
    return Searched(time.perf_counter() - began, json.loads(done.stdout.splitlines()[-1]))


def quiet() -> dict[str, str]:
    return os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"}


def finetrail(workspace: Workspace, *arguments: str, **environment: str) -> None:
    command = [str(Path(sys.executable).with_name("finetrail")), *arguments]
    done = subprocess.run(
        command,
        cwd=workspace.root,
        capture_output=True,
        text=True,
        env=os.environ | {"FINETRAIL_WARM": "0"} | environment,
    )
    if done.returncode:
        sys.exit(done.stderr)


if __name__ == "__main__":
    main()
