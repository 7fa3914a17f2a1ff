"""Where the wall time of the default recipe goes: `python bench/pipeline.py`.

Clones this repository into a temporary folder, runs `dvc repro` there from nothing, and prints
the speed of each candidate, the share of the wall time that was not spent in training, and the time of a `dvc repro`
that has nothing to do beside that of an empty DVC pipeline with as many stages, both in the same run.
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


def stage_count(folder: Path) -> int:
    command = ["dvc", "stage", "list", "--name-only"]
    done = subprocess.run(command, cwd=folder, env=QUIET, check=True, capture_output=True, text=True)
    return len(done.stdout.split())


def empty_pipeline(folder: Path, stages: int) -> None:
    """A chain of stages that copy a file: what DVC itself costs."""
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
        # Whatever was run before in the original must not count as done.
        (clone / "dvc.lock").unlink(missing_ok=True)
        total = run(clone, "dvc", "repro")
        training = 0.0
        print(f"{'candidate':<16}{'seconds':>9}{'samples/s':>11}{'val macro F1':>14}")
        for record in sorted(clone.glob("data/runs/*/run.json")):
            measured = json.loads(record.read_text())["measured"]
            score = json.loads((record.parent / "metrics.json").read_text())["val"]["macro_f1"]
            training += measured["seconds"]
            print(
                f"{record.parent.name:<16}{measured['seconds']:>9.1f}{measured['samples_per_second']:>11.1f}{score:>14.3f}"
            )
        print(
            f"dvc repro: {total:.0f} s, of which training {training:.0f} s; outside training {1 - training / total:.1%}"
        )
        stages = stage_count(clone)
        empty_pipeline(empty, stages)
        # Turn by turn, so that a busy moment of the machine falls on both.
        times = [(run(clone, "dvc", "repro"), run(empty, "dvc", "repro")) for _ in range(repeats)]
        ours, bare = (statistics.median(column) for column in zip(*times, strict=True))
        print(
            f"nothing to do, {stages} stages: {ours:.2f} s; empty DVC pipeline: {bare:.2f} s; ratio {ours / bare:.2f}"
        )


if __name__ == "__main__":
    main()
