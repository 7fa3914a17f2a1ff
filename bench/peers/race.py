"""Run the sides alternately, each time in a new process, and print the results."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from peers.setup import Setup

TRAINER = {"Trainer, defaults": ("peers.trainer", "defaults"), "Trainer, tuned": ("peers.trainer", "tuned")}
SIDES: dict[str, tuple[str, ...]] = {"plain": ("peers.plain",), **TRAINER, "ours": ("peers.ours",)}
TIMM = {"timm's script": ("peers.timm_loop",)}
FIXED = 0.98
"""The default score to reach, as a share of the worst last score."""


@dataclass(frozen=True)
class Run:
    """The measurements of one run of one side.

    Attributes:
        seconds: total, from the first text or image read.
        processor: CPU seconds in that time, which other work on the machine hardly affects.
        memory: peak of the process in MB, without its data loader workers.
        evaluations: seconds and score at the end of each.
    """

    seconds: float
    processor: float
    memory: float
    evaluations: list[tuple[float, float]]

    @property
    def score(self) -> float:
        """The last score."""
        return self.evaluations[-1][1]

    def until(self, score: float) -> float:
        """Seconds to the end of the first evaluation with at least this score; infinity if there is none."""
        return next((seconds for seconds, reached in self.evaluations if reached >= score), float("inf"))


def race(setup: Setup, sides: Mapping[str, Sequence[str]], repeats: int) -> dict[str, list[Run]]:
    """Run each side this many times, with a new seed and another side first each time."""
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    names = list(sides)
    for repeat in range(repeats):
        for name in [*names[repeat % len(names) :], *names[: repeat % len(names)]]:
            runs[name].append(run(replace(setup, seed=repeat), sides[name]))
    return runs


def run(setup: Setup, side: Sequence[str]) -> Run:
    """Run one side once."""
    module, *arguments = side
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], input=setup.json, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(side)} failed:\n{done.stderr}")
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def report(name: str, runs: Mapping[str, Sequence[Run]], examples: int, wanted: float | None) -> None:
    """Print a table of medians, with minimum and maximum in brackets.

    Args:
        examples: training examples per side, over all epochs.
        wanted: the score to reach; None for a share of the worst last one.
    """
    score = wanted or round(FIXED * min(one.score for side in runs.values() for one in side), 4)
    print(f"\n{name}: seconds to {score:.4f}, all seconds, processors' seconds, peak memory, last score")
    columns: list[tuple[str, Callable[[Run], float]]] = [
        ("{:.1f}", lambda one: examples / one.seconds),
        ("{:.1f}", lambda one: one.until(score)),
        ("{:.1f}", lambda one: one.seconds),
        ("{:.1f}", lambda one: one.processor),
        ("{:.0f}", lambda one: one.memory),
        ("{:.3f}", lambda one: one.score),
    ]
    heads = ("", "samples/s", "s to score", "s in all", "s CPU", "peak MB", "last score", "ours is faster by")
    print("".join(f"{head:<22}" for head in heads))
    for side, all_runs in runs.items():
        cells = [_spread(form, [value(one) for one in all_runs]) for form, value in columns]
        print("".join(f"{cell:<22}" for cell in [side, *cells, _faster(runs["ours"], all_runs, score)]), flush=True)


def _spread(form: str, values: Sequence[float]) -> str:
    low, middle, high = (form.format(value) for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low} to {high})"


def _faster(own: Sequence[Run], other: Sequence[Run], score: float) -> str:
    """Our speed-up over paired repeats: in seconds to the score, and in total CPU seconds."""
    times = statistics.median(theirs.until(score) / mine.until(score) for mine, theirs in zip(own, other, strict=True))
    work = statistics.median(theirs.processor / mine.processor for mine, theirs in zip(own, other, strict=True))
    return f"{times:.2f} (CPU, all: {work:.2f})"
