"""Variance over seeds: trains, selects and tests a recipe on a part of its data with each seed.

    python bench/seeds.py cifar10-mobilenet --train 10000 --seeds 0 1 2

Data and splits are the same for all seeds; the seed determines the new head, the order of the examples and their
augmentations. For each seed, selection compares the candidates on validation and scores the chosen one on the whole
test split.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from finetrail.workspace import Workspace, read_json

REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="a recipe in recipes/ whose source lies in data/input/ or in a package")
    parser.add_argument("--train", type=int, default=10_000, help="rows of the official train split to keep")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--candidates", nargs="+", help="only these; all of the recipe by default")
    arguments = parser.parse_args()
    yaml = YAML()
    params = yaml.load((REPOSITORY / "recipes" / f"{arguments.recipe}.yaml").read_text(encoding="utf-8"))
    params["source"]["limit"] = {"train": arguments.train}
    if arguments.candidates:
        params["candidates"] = {name: params["candidates"][name] for name in arguments.candidates}
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        (workspace.root / "data").mkdir()
        for name in ("input", "weights"):
            (workspace.root / "data" / name).symlink_to(REPOSITORY / "data" / name)
        results = [run(workspace, yaml, params, seed) for seed in arguments.seeds]
    print()
    for number, name in enumerate(("validation", "test")):
        values = [result[number] for result in results]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        print(f"{name} accuracy over {len(values)} seeds: {statistics.mean(values):.4f}, sd {spread:.4f}")


def run(workspace: Workspace, yaml: YAML, params: dict[str, Any], seed: int) -> tuple[float, float]:
    """Train, select and test with one seed; return the chosen candidate's accuracy on validation and on test."""
    started = time.perf_counter()
    with workspace.params.open("w", encoding="utf-8") as file:
        yaml.dump(params | {"seed": seed}, file)
    if not workspace.splits.exists():
        for stage in ("ingest", "validate", "split"):
            finetrail(workspace, stage)
    for folder in (workspace.models, workspace.runs):
        shutil.rmtree(folder, ignore_errors=True)
    for candidate in params["candidates"]:
        finetrail(workspace, "train", candidate)
    finetrail(workspace, "select")
    finetrail(workspace, "test")
    chosen = read_json(workspace.selection_report)["chosen"]
    validated = read_json(workspace.run(chosen).details)["val"]["accuracy"]
    tested = read_json(workspace.test_details)["test"]["accuracy"]
    seconds = time.perf_counter() - started
    print(f"seed {seed}: {chosen}, validation {validated:.4f}, test {tested:.4f}, {seconds:.0f} s", flush=True)
    return validated, tested


def finetrail(workspace: Workspace, *arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("finetrail")), *arguments]
    done = subprocess.run(command, cwd=workspace.root, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)


if __name__ == "__main__":
    main()
