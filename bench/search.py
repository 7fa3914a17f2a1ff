"""A search, compared with an exhaustive grid, and with Optuna and Ray Tune around transformers' Trainer.

    python bench/search.py --sides grid                              # texts of the default recipe, three seeds
    python bench/search.py --sides optuna --epochs 2
    python bench/search.py --sides grid --recipe mnist5k-efficientnet
    python bench/search.py --sides step --trials 50 --seeds 0        # memory and overhead over a long study

All search the learning rate and the batch size of a linear probe on the same rows, each in one process. The grid has
all its points trained; ours (TPE, median pruner) and the peers (the same around the tuned Trainer of bench/text.py)
have the same number of trials. Walls are of the whole process, ours to the finished model. `reached` is the number of
seconds of trials until one is as good as the best point of the grid, less one standard error of its accuracy on the
validation rows; `good points` is the share of the grid's points that are. `overhead` is what a trial takes that trains
a single step: the start, an evaluation, the scoring and the books.
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from peers.exported import export
from ruamel.yaml import YAML

from finetrail.runs.study import read_study
from finetrail.workspace import Workspace, read_json

REPOSITORY = Path(__file__).parents[1]
RATES = [1e-4, 1e-1]
BATCHES = [16, 32, 64]
PEERS = ("optuna", "ray")


@dataclass(frozen=True)
class Searched:
    """Attributes: wall: seconds of the process; trials: seconds of each and its accuracy, None where it was pruned."""

    wall: float
    trials: list[tuple[float, float | None]]
    memory: tuple[float, float] = (math.nan, math.nan)

    @property
    def spent(self) -> float:
        """Seconds of all trials."""
        return sum(seconds for seconds, _ in self.trials)

    def reached(self, wanted: float) -> float:
        """Seconds of trials until one is as good as wanted; infinite: none is."""
        seconds = 0.0
        for each, value in self.trials:
            seconds += each
            if value is not None and value >= wanted:
                return seconds
        return math.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sides = ["grid", "step", *PEERS]
    parser.add_argument("--sides", nargs="*", choices=sides, default=sides[:2], help="beside ours")
    parser.add_argument("--recipe", help="of recipes/, with texts or images and one label each; by default params.yaml")
    parser.add_argument("--train", type=int, help="rows of the official train split to keep; the recipe's by default")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--points", type=int, default=9, help="of the learning rate in the grid")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    asked = parser.parse_args()
    rows: list[dict[str, float]] = []
    for seed in asked.seeds:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(race(Workspace(Path(folder)), asked, seed))
            print(f"seed {seed}: " + ", ".join(f"{name} {value:.4g}" for name, value in rows[-1].items()), flush=True)
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"{name}: {statistics.median(values):.4g} ({min(values):.4g} to {max(values):.4g})")


def race(workspace: Workspace, asked: argparse.Namespace, seed: int) -> dict[str, float]:
    """All sides with one seed."""
    recipe = f"recipes/{asked.recipe}.yaml" if asked.recipe else "params.yaml"
    params = YAML(typ="safe").load((REPOSITORY / recipe).read_text(encoding="utf-8"))
    if asked.train:
        params["source"]["limit"] = {"train": asked.train}
    fixed = {"epochs": asked.epochs, "metric": "accuracy", "warmup": 0.1}
    found_by = {"sampler": "tpe", "pruner": "median", "confirm": None, "budget": {"trials": asked.trials}}
    candidates = {
        "ours": candidate(asked, fixed, found_by),
        "step": candidate(asked, fixed | {"max_steps": 1}, found_by | {"pruner": "none", "budget": {"trials": 6}}),
        "grid": candidate(asked, fixed, {"sampler": "grid", "confirm": None}),
    }
    params |= {"seed": seed, "candidates": candidates}
    (workspace.root / "data" / "input").mkdir(parents=True)
    with workspace.params.open("w", encoding="utf-8") as file:
        YAML().dump(params, file)
    for stage in ("ingest", "validate", "split"):
        finetrail(workspace, stage)
    own = ours(workspace, "ours")
    found = {
        "wall": own.wall,
        "first trial": own.trials[0][0],
        "further trials, each": statistics.median(seconds for seconds, _ in own.trials[1:]),
        "outside of trials": own.wall - own.spent,
        "peak MB, first trial": own.memory[0],
        "peak MB, last trial": own.memory[1],
    }
    if "step" in asked.sides:
        found |= {"overhead a trial": statistics.median(seconds for seconds, _ in ours(workspace, "step").trials[1:])}
    if "grid" in asked.sides:
        rows = read_json(workspace.split_report)["rows"]["val"]
        found |= beside_grid(own, ours(workspace, "grid"), rows)
    for how in set(PEERS) & set(asked.sides):
        other = peer(workspace, params, asked, fixed, how)
        found |= {f"wall, {how}": other.wall, f"{how}, outside of trials": other.wall - other.spent}
        found |= {f"wall / {how}": own.wall / other.wall}
    return found


def candidate(asked: argparse.Namespace, fixed: dict[str, Any], search: dict[str, Any]) -> dict[str, Any]:
    space = {"learning_rate": {"log": RATES, "points": asked.points}, "batch_size": {"choice": BATCHES}}
    return {"adaptation": {"method": "linear_probe"}, "train": fixed | space, "search": search}


def beside_grid(own: Searched, grid: Searched, rows: int) -> dict[str, float]:
    """Args: rows: to validate."""
    values = [value for _, value in grid.trials if value is not None]
    best = max(values)
    wanted = best - math.sqrt(best * (1 - best) / rows)
    return {
        "grid best": best,
        "our best": max(value for _, value in own.trials if value is not None),
        "grid, seconds": grid.spent,
        "reached": own.reached(wanted),
        "reached / grid": own.reached(wanted) / grid.spent,
        "good points": sum(value >= wanted for value in values) / len(values),
    }


def ours(workspace: Workspace, name: str) -> Searched:
    """The stage, from the start of its process to the model."""
    # Each begins with nothing: the grid's trainings would be there for the other.
    began = time.perf_counter()
    finetrail(workspace, "train", name, FINETRAIL_CHECKPOINTS=str(workspace.root / "checkpoints" / name))
    wall = time.perf_counter() - began
    study = read_study(workspace.run(name).study_record)
    assert study is not None
    memory = [one.peak_memory_mb or math.nan for one in study.trials]
    return Searched(wall, [(one.seconds, one.value) for one in study.trials], (memory[0], memory[-1]))


def peer(
    workspace: Workspace, params: dict[str, Any], asked: argparse.Namespace, fixed: dict[str, Any], how: str
) -> Searched:
    """The same search around the Trainer, in a process of its own."""
    folder = workspace.root / how
    folder.mkdir()
    given = {
        "setup": asdict(export(workspace, params, fixed, folder)),
        "rates": RATES,
        "batches": BATCHES,
        "trials": asked.trials,
        "start": max(2, asked.trials // 3),  # as ours
    }
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "peers.trainer_search", how],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"},
    )
    if done.returncode:
        sys.exit(done.stderr)
    return Searched(time.perf_counter() - began, json.loads(done.stdout.splitlines()[-1]))


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
