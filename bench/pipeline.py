"""Breakdown of the wall time of the default recipe: `python bench/pipeline.py`.

Clones this repository into a temporary folder, runs `dvc repro` there from scratch, and prints the seconds of each
stage, the speed of each candidate, and the share of the wall time outside training. Then times, alternately, a
`dvc repro` with nothing to do and one in an empty DVC pipeline with as many stages.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
QUIET = {**os.environ, "DVC_NO_ANALYTICS": "1"}


def run(folder: Path, *command: str) -> float:
    """Run a command; return its wall time in seconds."""
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=QUIET, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def repro(folder: Path) -> tuple[float, dict[str, float]]:
    """Run the pipeline; return its wall time, and the seconds from each stage's start to the next stage's start."""
    started = time.perf_counter()
    with subprocess.Popen(["dvc", "repro"], cwd=folder, env=QUIET, stdout=subprocess.PIPE, text=True) as process:
        lines = (line for line in process.stdout or () if line.startswith("Running stage"))
        marks = [(line.split("'")[1], time.perf_counter()) for line in lines]
    if process.returncode != 0:
        raise SystemExit("dvc repro failed; run it by hand to see why")
    ended = time.perf_counter()
    ends = [at for _, at in marks[1:]] + [ended]
    return ended - started, {name: end - at for (name, at), end in zip(marks, ends, strict=True)}


def empty_pipeline(folder: Path, stages: int) -> None:
    """Build a chain of stages that copy a file: the cost of DVC itself."""
    folder.mkdir()
    chain = [f"  s{n}:\n    cmd: cp f{n} f{n + 1}\n    deps: [f{n}]\n    outs: [f{n + 1}]\n" for n in range(stages)]
    (folder / "dvc.yaml").write_text("stages:\n" + "".join(chain))
    (folder / "f0").write_text("0")
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"], ["dvc", "repro", "--quiet"]):
        run(folder, *command)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="of the repro that has nothing to do")
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as temporary:
        clone, empty = Path(temporary) / "clone", Path(temporary) / "empty"
        run(REPOSITORY, "git", "clone", "--quiet", str(REPOSITORY), str(clone))
        # Earlier results of the original must not count as done.
        (clone / "dvc.lock").unlink(missing_ok=True)
        total, stages = repro(clone)
        training = 0.0
        print(f"{'candidate':<20}{'seconds':>9}{'samples/s':>11}{'val macro F1':>14}")
        for record in sorted(clone.glob("data/runs/*/run.json")):
            measured = json.loads(record.read_text())["measured"]
            score = json.loads((record.parent / "metrics.json").read_text())["val"]["macro_f1"]
            seconds, speed = measured["seconds"], measured["samples_per_second"]
            training += seconds
            print(f"{record.parent.name:<20}{seconds:>9.1f}{speed:>11.1f}{score:>14.3f}")
        print(f"\n{'stage':<20}{'seconds':>9}")
        for name, seconds in stages.items():
            print(f"{name:<20}{seconds:>9.1f}")
        in_train = sum(seconds for name, seconds in stages.items() if name.startswith("train@"))
        print(f"\ndvc repro: {total:.0f} s; outside the train stages {1 - in_train / total:.1%}")
        print(f"training and validating: {training:.0f} s; all the rest, imports included: {1 - training / total:.1%}")
        empty_pipeline(empty, len(stages))
        # Alternate, so that other load on the machine affects both.
        times = [(run(clone, "dvc", "repro"), run(empty, "dvc", "repro")) for _ in range(repeats)]
        ours, bare = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"nothing to do: {ours:.2f} s; an empty DVC pipeline of {len(stages)} stages: {bare:.2f} s")


if __name__ == "__main__":
    main()
