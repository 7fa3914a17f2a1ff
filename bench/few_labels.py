"""Few labelled rows: candidates trained on some rows of each class, over several draws, and paired intervals.

    python bench/few_labels.py --candidates full few_shot --steps 80 30   # in a workspace after `dvc repro split`

Each draw takes so many rows of each class out of the training split, the same for all candidates, and gives the seed.
No evaluation picks an epoch: the weights of the last step answer the test rows, in the precision of the training. The
interval of a difference is that of Student's t over the draws.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from finetrail.config import load_params
from finetrail.data.store.shards import Contents, read_frame
from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.inference.device import autocast
from finetrail.inference.predict import predict
from finetrail.models.inputs import Inputs
from finetrail.progress import quiet
from finetrail.sections import Params
from finetrail.training.candidate import Candidate
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.drawn import Drawn
from finetrail.training.outcome import fit_work
from finetrail.training.steps import Records
from finetrail.training.work import Work, build, encode_split, read_rows
from finetrail.workspace import Workspace

VAL = 32
"""Validation rows of the one evaluation that a training has, after its last step."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", nargs="+", required=True, help="of params.yaml; the first is compared with")
    parser.add_argument("--rows", type=int, nargs="+", default=[8, 16], help="of each class")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--steps", type=int, nargs="+", required=True, help="of a training, one number a candidate")
    parser.add_argument("--rates", type=float, nargs="+", help="of the backbone, one a candidate; by default its own")
    parser.add_argument("--on", choices=["test", "val"], default="test", help="the split to answer")
    chosen = parser.parse_args()
    params = load_params(Path("params.yaml"))
    candidates: dict[str, Candidate] = {name: params.candidates[name] for name in chosen.candidates}
    rates = chosen.rates or [one.train.learning_rate for one in candidates.values()]
    for name, rate, steps in zip(list(candidates), rates, chosen.steps, strict=True):
        last = {"max_steps": steps, "evaluate_every": steps, "patience": None}
        candidates[name] = candidates[name].trained_with(learning_rate=rate, **last)
    bench = Bench(params, candidates[chosen.candidates[0]], chosen.on)
    for size in chosen.rows:
        found = np.array([bench.draw(candidates, size, seed) for seed in range(chosen.draws)])  # (draws, candidates)
        report(f"{size} rows a class, {chosen.draws} draws, {bench.metric} on {chosen.on}", list(candidates), found)


class Bench:
    """The rows of a workspace, encoded once. Args: candidate: any; all read the rows alike. on: the split to answer."""

    def __init__(self, params: Params, candidate: Candidate, on: str) -> None:
        self._workspace, self._task, self.metric = Workspace(Path.cwd()), params.task.task, params.selection.metric
        self._rows = read_rows(self._workspace, self._task, candidate.train)
        built = build(self._workspace, self._task, candidate, self._rows, 0)

        def read(split: str) -> Inputs:
            settings: Any = candidate.train
            return encode_split(self._workspace, built, self._rows, split, settings=settings, track=quiet)

        self._inputs: dict[str, Inputs] = {"train": read("train"), "val": Drawn.of_rows(read("val"), range(VAL))}
        folder = self._workspace.split(on)
        self._answered = built.processor.encode(Contents(folder, self._task.content.name))
        self._labels = read_frame(folder)["label"].tolist()

    def draw(self, candidates: dict[str, Candidate], size: int, seed: int) -> list[float]:
        """The metric of each candidate, trained on so many rows of each class."""
        labels, chance = np.array(self._rows.labels["train"]), np.random.default_rng(seed)
        taken = [
            row for name in np.unique(labels) for row in chance.choice(np.flatnonzero(labels == name), size, False)
        ]
        began = time.perf_counter()
        found = [self._train(one, sorted(map(int, taken)), seed) for one in candidates.values()]
        told = ", ".join(f"{name} {value:.4f}" for name, value in zip(candidates, found, strict=True))
        print(f"{size} rows a class, draw {seed}: {told}; {time.perf_counter() - began:.0f} s", flush=True)
        return found

    def _train(self, candidate: Candidate, taken: Sequence[int], seed: int) -> float:
        built = build(self._workspace, self._task, candidate, self._rows, seed)
        rows = self._rows
        frames, known = rows.frames, rows.labels
        few = replace(rows, frames=frames | {"val": frames["val"][:VAL]}, labels=known | {"val": known["val"][:VAL]})
        inputs = self._inputs | {"train": Drawn.of_rows(self._inputs["train"], taken)}
        labels = [rows.labels["train"][row] for row in taken]
        with tempfile.TemporaryDirectory() as folder:
            records = Records(Checkpoints(Path(folder)), observe=lambda curve, step, point: None)
            work = Work(built, candidate, few, inputs, labels, seed)
            _, machine, _ = fit_work(work, records, Path(folder), None)
        candidate.adaptation.merge(built.model)
        with autocast(machine.precision, machine.accelerator.device):
            kept = predict(built.model, self._answered, built.learning.keep, 64)
        answers: Any = built.learning.answers(kept, self._answered)
        return point_scores(built.codec.judge, self._labels, answers)[self.metric]


def report(title: str, names: list[str], found: np.ndarray) -> None:
    print(f"\n{title}\n| candidate | mean | sd | minus {names[0]} | 95 % |\n|---|---|---|---|---|")
    for place, name in enumerate(names):
        own, apart = found[:, place], found[:, place] - found[:, 0]
        half = t.ppf(0.975, len(own) - 1) * apart.std(ddof=1) / np.sqrt(len(own))
        compared = f"{apart.mean():+.4f} | {apart.mean() - half:+.4f} to {apart.mean() + half:+.4f}" if place else " | "
        print(f"| `{name}` | {own.mean():.4f} | {own.std(ddof=1):.4f} | {compared} |")
    print(flush=True)


if __name__ == "__main__":
    main()
