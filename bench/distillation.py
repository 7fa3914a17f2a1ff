"""Students of a teacher: candidates trained with several seeds, beside the teacher's metric and its time for a row.

    finetrail train full && finetrail export data/weights/full --model data/models/full --format finetrail
    python bench/distillation.py --teacher data/weights/full --candidates alone taught --seeds 3

The candidates are those of params.yaml. Each is trained as the pipeline trains it, and answers the test rows.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from finetrail.config import load_params
from finetrail.data.store.shards import Contents, read_frame
from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.sections import Params
from finetrail.serving.answer import answers_to
from finetrail.serving.latency import row_times_ms
from finetrail.tasks.registry import load_model
from finetrail.tasks.task import Built
from finetrail.training.candidate import Candidate
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.outcome import carry_out
from finetrail.training.steps import Records
from finetrail.training.work import Work, build
from finetrail.units.shared import Shared
from finetrail.workspace import Workspace

TIMED = 60
"""Rows that are answered one at a time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", required=True, help="a folder with a trained model")
    parser.add_argument("--candidates", nargs="+", required=True, help="of params.yaml")
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    params, workspace = load_params(Path("params.yaml")), Workspace(Path.cwd())
    folder, metric = workspace.split("test"), params.selection.metric
    contents, labels = Contents(folder, params.task.task.content.name), read_frame(folder)["label"].tolist()

    def score(built: Built) -> float:
        answers: Any = answers_to(built, contents)
        return point_scores(built.codec.judge, labels, answers)[metric]

    teacher = load_model(Path(chosen.teacher))
    best, timed = score(teacher), [one for one, _ in zip(contents, range(TIMED), strict=False)]
    print(f"teacher: {metric} {best:.4f}", flush=True)
    lines = []
    for name in chosen.candidates:
        candidate, found = params.candidates[name], []
        shared = Shared(workspace, params.task.task, candidate.train, params.seed)
        for seed in range(params.seed, params.seed + chosen.seeds):
            began = time.perf_counter()
            student = trained(params, workspace, candidate, shared, seed)
            found.append(score(student))
            print(f"{name}, seed {seed}: {metric} {found[-1]:.4f}; {time.perf_counter() - began:.0f} s", flush=True)
        own, others = (np.median(times) for times in row_times_ms([student, teacher], timed))
        mean, spread = np.mean(found), np.std(found, ddof=1) if len(found) > 1 else np.nan
        lines.append(f"| `{name}` | {mean:.4f} | {spread:.4f} | {mean / best:.1%} | {own / others:.0%} |")
    print(f"\n| candidate | {metric} | sd | of the teacher's | time of a row |\n|---|---|---|---|---|")
    print("\n".join(lines))


def trained(params: Params, workspace: Workspace, candidate: Candidate, shared: Shared, seed: int) -> Built:
    """A candidate, trained as the pipeline does."""
    rows = shared.rows(candidate)
    built = build(workspace, params.task.task, candidate, rows, seed)
    work = Work(built, candidate, rows, shared.inputs(candidate), rows.labels["train"], seed)
    with tempfile.TemporaryDirectory() as folder:
        records = Records(Checkpoints(Path(folder)), observe=lambda curve, step, point: None)
        return carry_out(work, records, workspace, shared.remembered).built


if __name__ == "__main__":
    main()
