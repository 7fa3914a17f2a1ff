"""Breakdown of the wall time of the pipeline: `python bench/pipeline.py`.

Clones this repository into a temporary folder, runs `dvc repro` there from scratch, once with warm stages and once with
cold ones (FINETRAIL_WARM=0), and prints the seconds of each stage, the speed of each candidate, and the share of the
wall time outside training. Then does the same with the recipe `own-table` on 2,000 rows and a linear probe alone: how
long a first try takes. Last it times, alternately, a `dvc repro` with nothing to do and one in an empty DVC pipeline
with as many stages.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).resolve().parent.parent
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
QUIET = {**os.environ, "DVC_NO_ANALYTICS": "1", "PATH": PATH}
START = {"warm": "1", "cold": "0"}
ROWS = 2_000


@dataclass(frozen=True)
class Repro:
    """What a `dvc repro` took, in seconds. Attributes: stages: from the start of each to that of the next."""

    folder: Path
    total: float
    stages: dict[str, float]

    @property
    def training(self) -> float:
        """Loading, training and scoring, as each training measured itself."""
        records = self.folder.glob("data/runs/*/run.json")
        return sum(float(json.loads(record.read_text())["measured"]["seconds"]) for record in records)


def run(folder: Path, *command: str) -> float:
    """Run a command; return its wall time in seconds."""
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=QUIET, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def repro(folder: Path, start: str) -> Repro:
    """Run the pipeline. Args: start: `warm` or `cold`."""
    started = time.perf_counter()
    environment = QUIET | {"FINETRAIL_WARM": START[start]}
    with subprocess.Popen(["dvc", "repro"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        lines = (line for line in process.stdout or () if line.startswith("Running stage"))
        marks = [(line.split("'")[1], time.perf_counter()) for line in lines]
    if process.returncode != 0:
        raise SystemExit("dvc repro failed; run it by hand to see why")
    ended = time.perf_counter()
    ends = [at for _, at in marks[1:]] + [ended]
    return Repro(folder, ended - started, {name: end - at for (name, at), end in zip(marks, ends, strict=True)})


def clone(folder: Path) -> Path:
    """A clone in which nothing has run."""
    run(REPOSITORY, "git", "clone", "--quiet", str(REPOSITORY), str(folder))
    # Whatever was run before in the original must not count as done.
    (folder / "dvc.lock").unlink(missing_ok=True)
    return folder


def small(folder: Path, rows: pd.DataFrame) -> Path:
    """A clone with a table of one's own and one cheap candidate."""
    clone(folder)
    yaml = YAML()
    params = yaml.load((folder / "recipes" / "own-table.yaml").read_text())
    params["candidates"] = {"linear_probe": params["candidates"]["linear_probe"]}
    yaml.dump(params, folder / "params.yaml")
    rows.to_csv(folder / params["source"]["path"], index=False)
    run(folder, "dvc", "add", "--quiet", params["source"]["path"])
    return folder


def empty_pipeline(folder: Path, stages: int) -> None:
    """A chain of stages that copy a file: what DVC itself costs."""
    folder.mkdir()
    chain = [f"  s{n}:\n    cmd: cp f{n} f{n + 1}\n    deps: [f{n}]\n    outs: [f{n + 1}]\n" for n in range(stages)]
    (folder / "dvc.yaml").write_text("stages:\n" + "".join(chain))
    (folder / "f0").write_text("0")
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"], ["dvc", "repro", "--quiet"]):
        run(folder, *command)


def print_candidates(folder: Path) -> None:
    print(f"{'candidate':<20}{'seconds':>9}{'samples/s':>11}{'val macro F1':>14}")
    for record in sorted(folder.glob("data/runs/*/run.json")):
        measured = json.loads(record.read_text())["measured"]
        score = json.loads((record.parent / "metrics.json").read_text())["val"]["macro_f1"]
        print(
            f"{record.parent.name:<20}{measured['seconds']:>9.1f}{measured['samples_per_second']:>11.1f}{score:>14.3f}"
        )


def print_stages(runs: dict[str, Repro]) -> None:
    print(f"\n{'stage':<20}" + "".join(f"{start:>9}" for start in runs))
    for stage in next(iter(runs.values())).stages:
        print(f"{stage:<20}" + "".join(f"{each.stages[stage]:>9.1f}" for each in runs.values()))
    print(f"{'dvc repro':<20}" + "".join(f"{each.total:>9.1f}" for each in runs.values()))
    print(f"{'training':<20}" + "".join(f"{each.training:>9.1f}" for each in runs.values()))
    print(f"{'all the rest':<20}" + "".join(f"{1 - each.training / each.total:>9.1%}" for each in runs.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="of the repro that has nothing to do")
    parser.add_argument("--small", action="store_true", help="only the table of 2,000 rows")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        if not options.small:
            runs = {start: repro(clone(root / start), start) for start in START}
            print_candidates(root / "warm")
            print_stages(runs)
        source = clone(root / "source")
        run(source, "dvc", "repro", "ingest")
        rows = pd.concat(map(pd.read_parquet, sorted(source.glob("data/raw/part-*.parquet"))))[["text", "label"]]
        rows = rows.sample(ROWS, random_state=0)
        print(f"\nown-table, {ROWS:,} rows, a linear probe")
        tries: dict[str, list[Repro]] = {start: [] for start in START}
        for number in range(options.repeats):
            for start in START:
                tries[start].append(repro(small(root / f"small-{start}-{number}", rows), start))
        middle = {start: sorted(found, key=lambda each: each.total)[len(found) // 2] for start, found in tries.items()}
        print_stages(middle)
        done = root / ("small-warm-0" if options.small else "warm")
        stages = len(YAML(typ="safe").load((done / "dvc.lock").read_text())["stages"])
        empty_pipeline(root / "empty", stages)
        # Alternate, so that a busy moment of the machine affects both.
        times = [(run(done, "dvc", "repro"), run(root / "empty", "dvc", "repro")) for _ in range(options.repeats)]
        ours, bare = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"\nnothing to do: {ours:.2f} s; an empty DVC pipeline of {stages} stages: {bare:.2f} s")


if __name__ == "__main__":
    main()
