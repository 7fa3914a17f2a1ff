"""Let the sides take turns, each time in a new process, and print what came of it."""

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
"""The score to reach, as a share of the worst last score, where none is given."""


@dataclass(frozen=True)
class Run:
    """What one side did once.

    Attributes:
        seconds: of all, from the first text or image that was read.
        processor: the processors' seconds in that time, which other work on the machine hardly changes.
        memory: the most that the process held, in MB, without its loader's workers.
        evaluations: seconds and score at the end of each.
    """

    seconds: float
    processor: float
    memory: float
    evaluations: list[tuple[float, float]]

    @property
    def score(self) -> float:
        """The last one."""
        return self.evaluations[-1][1]

    def until(self, score: float) -> float:
        """Seconds to the end of the first evaluation that is as good; infinity where none is."""
        return next((seconds for seconds, reached in self.evaluations if reached >= score), float("inf"))


def race(setup: Setup, sides: Mapping[str, Sequence[str]], repeats: int) -> dict[str, list[Run]]:
    """Each side so many times, with other seeds; another one begins each time."""
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    names = list(sides)
    for repeat in range(repeats):
        for name in [*names[repeat % len(names) :], *names[: repeat % len(names)]]:
            runs[name].append(run(replace(setup, seed=repeat), sides[name]))
    return runs


def run(setup: Setup, side: Sequence[str]) -> Run:
    """One side, once."""
    module, *arguments = side
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], input=setup.json, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(side)} failed:\n{done.stderr}")
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def report(name: str, runs: Mapping[str, Sequence[Run]], examples: int, wanted: float | None) -> None:
    """A table: medians, and in brackets the smallest and the largest.

    Args:
        examples: that each side trained on, over all epochs.
        wanted: the score whose time counts; None for a share of the worst last one.
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
    """How many times as fast, pair by pair of the same repeat: to the score, and by processors' seconds in all."""
    times = statistics.median(theirs.until(score) / mine.until(score) for mine, theirs in zip(own, other, strict=True))
    work = statistics.median(theirs.processor / mine.processor for mine, theirs in zip(own, other, strict=True))
    return f"{times:.2f} (CPU, all: {work:.2f})"
