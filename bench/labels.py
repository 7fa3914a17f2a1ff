"""Wrong labels planted into train and val, and how many of them the ranking of `assess.labels` has near its top.

    python bench/labels.py                     # in a workspace after `dvc repro split`; features as the stage has them
    python bench/labels.py --fine-tuned full   # features of that candidate's backbone, trained on the planted labels

For each seed, a share of the rows gets another label of the data set, drawn evenly. Only classes can be planted here;
tests/unit/assessment/test_labels.py plants into sets, tags and numbers.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from finetrail.assessment.assessed import Given, Pipeline
from finetrail.assessment.labels.cross_fitting import Computed, cross_fitted
from finetrail.assessment.labels.rows import examined, folds_of
from finetrail.config import load_params
from finetrail.data.store.shards import columns_of
from finetrail.evaluation.scores.bootstrap import Draws
from finetrail.inference.features import compute_features
from finetrail.progress import quiet
from finetrail.sections import Params
from finetrail.stages.train import train
from finetrail.tasks.registry import load_model
from finetrail.tasks.task import Built
from finetrail.workspace import Workspace

TOP = 0.15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.1, help="of rows whose labels are made wrong")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fine-tuned", metavar="CANDIDATE", help="take the features of this candidate's backbone")
    chosen = parser.parse_args()
    params = load_params(Path("params.yaml"))
    for seed in range(1, chosen.seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            workspace = Workspace(Path(folder))
            for name in ("params.yaml", "requirements.lock", "data/raw", "data/splits/train", "data/splits/val"):
                copy = shutil.copytree if Path(name).is_dir() else shutil.copyfile
                (workspace.root / name).parent.mkdir(parents=True, exist_ok=True)
                copy(name, workspace.root / name)
            right = plant(workspace, chosen.share, seed)
            print(f"seed {seed}: {measure(workspace, params, right, chosen.fine_tuned)}", flush=True)


def plant(workspace: Workspace, share: float, seed: int) -> dict[str, str]:
    """Make labels of train and val wrong; returns the right ones by id, of the rows that have wrong ones now."""
    files = [file for name in ("train", "val") for file in sorted(workspace.split(name).glob("part-*.parquet"))]
    tables = [pq.read_table(file) for file in files]
    whole = pa.concat_tables(tables)
    names, numbers = np.unique(whole["label"].to_numpy(), return_inverse=True)
    chance = np.random.default_rng(seed)
    wrong = chance.choice(len(whole), int(share * len(whole)), replace=False)
    planted = numbers.copy()
    planted[wrong] = (numbers[wrong] + chance.integers(1, len(names), len(wrong))) % len(names)
    start = 0
    for file, table in zip(files, tables, strict=True):
        labels = pa.array(names[planted[start : start + len(table)]].tolist(), pa.string())
        pq.write_table(table.set_column(table.schema.get_field_index("label"), "label", labels), file)
        start += len(table)
    ids = whole["id"].to_pylist()
    return {ids[place]: str(names[numbers[place]]) for place in wrong.tolist()}


def measure(workspace: Workspace, params: Params, right: dict[str, str], fine_tuned: str | None) -> str:
    """How many planted labels are found, and how many suggestions are the right ones."""
    task, name = params.task.task, fine_tuned or next(iter(params.candidates))
    candidate = params.candidates[name]
    learned = backbone(workspace, params, name) if fine_tuned else None
    columns = columns_of(workspace.split("train"), task.content.name)
    settings: Any = candidate.train
    labels = [label for part in ("train", "val") for label in pq.read_table(workspace.split(part))["label"].to_pylist()]
    learning = task.target.learn(labels, settings)
    built = learned or task.build(candidate.backbone, learning, Path.cwd(), columns)
    draws = Draws(params.selection.resamples, 0, params.selection.confidence)
    pipeline = Pipeline(params.selection, params.seed, params.split, params.candidates)
    given = Given(name, built, workspace, pipeline, task.target.metrics[-1], draws, quiet, print)
    known = examined(given)
    started = time.perf_counter()
    inputs = built.processor.encode(known.contents)
    inputs = inputs.labelled(learning.encode(labels, inputs))
    features: Computed = compute_features(built.model.eval(), inputs, 64)
    computed = time.perf_counter()
    kept = cross_fitted(
        learning, features, folds_of(given, known, 5), loss=learning.loss(settings, labels), seed=params.seed
    )
    codec = learning.fitted(kept, inputs, labels).codec
    found = codec.judge.suspicion(labels, learning.answers(kept, inputs))
    seconds = time.perf_counter() - computed
    ids = known.rows["id"].tolist()
    wrong = np.array([row in right for row in ids])
    top = np.argsort(found.quality, kind="stable")[: int(TOP * len(ids))]
    mended = [one == right[row] for row, one in zip(ids, found.suggestions, strict=True) if row in right]
    return (
        f"{wrong[top].sum()} of {wrong.sum()} planted labels ({100 * wrong[top].sum() / wrong.sum():.1f}%) are in the "
        f"first {100 * TOP:.0f}% of {len(ids)} rows; {100 * np.mean(mended):.0f}% of their suggestions are right; "
        f"{found.flagged.sum()} labels are expected to be wrong; features {computed - started:.1f} s, the rest "
        f"{seconds:.1f} s"
    )


def backbone(workspace: Workspace, params: Params, name: str) -> Built:
    """A candidate, trained on the planted labels."""
    train(workspace, name, params.candidates[name], project="labels", task=params.task.task, seed=params.seed)
    return load_model(workspace.model(name))


if __name__ == "__main__":
    main()
