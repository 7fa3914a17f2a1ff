"""Adaptation to rows without labels: candidates with several seeds, scored on labels of the other domain.

    python bench/domains.py digits --steps 300                   # MNIST -> the digits of scikit-learn
    python bench/domains.py few --steps 200                      # these digits, of which few have labels
    python bench/domains.py reviews --steps 100 --data FILE.zip  # NLTK's product_reviews: cameras -> other products
    python bench/domains.py corrupted --steps 300 --data FILE.zip  # CIFAR-10 -> CIFAR-10 with noise

The labels of the other domain are known here alone: no stage reads them. Some of its rows are in section `unlabelled`,
others are scored. All candidates have the same weights to begin with and the same number of labelled steps, and
differ in `auxiliary`. The interval of a difference is that of Student's t over the seeds, which also draw the rows
where few have labels. The last table asks each validator which candidate of a seed it ranks first.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from distillation import trained
from few_labels import report
from peers.domains import Domains, asked, corrupted, digits, few, reviews

from finetrail.config import load_params
from finetrail.data.store.shards import Contents, read_frame
from finetrail.evaluation.scores.bootstrap import point_scores
from finetrail.evaluation.selection import Selection
from finetrail.serving.answer import answers_to
from finetrail.stages.validated import Sides
from finetrail.tasks.task import Built
from finetrail.units.shared import Shared
from finetrail.workspace import Workspace

ALONE = "alone"
VALIDATORS = ("entropy", "snd", "bnm", "weighted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("domains", choices=["digits", "few", "reviews", "corrupted"])
    parser.add_argument("--data", type=Path, help="a zip: product_reviews_1.zip and _2.zip, or images")
    parser.add_argument("--methods", nargs="+", help="of section `auxiliary`; all by default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, required=True, help="of a training")
    chosen = parser.parse_args()
    scores, picked = [], []
    names: list[str] = []
    for seed in range(chosen.seeds):
        with tempfile.TemporaryDirectory() as folder:
            domains = _domains(chosen, Path(folder) / "data/input", seed)
            names = [ALONE, *(chosen.methods or domains.methods)]
            workspace = Workspace(Path(folder))
            prepare(workspace, domains, names, steps=chosen.steps, seed=seed)
            found, places = measure(workspace, domains, seed)
        scores.append(found)
        picked.append(places)
    report(f"{chosen.domains}: accuracy in the other domain, {chosen.seeds} seeds", names, np.array(scores))
    _report_choices(np.array(scores), picked)


def _domains(chosen: argparse.Namespace, folder: Path, seed: int) -> Domains:
    folder.mkdir(parents=True)
    if chosen.domains == "reviews":
        return reviews(folder, chosen.data)
    if chosen.domains == "corrupted":
        return corrupted(folder, chosen.data, seed)
    return digits(folder) if chosen.domains == "digits" else few(folder, seed)


def prepare(workspace: Workspace, domains: Domains, names: list[str], *, steps: int, seed: int) -> None:
    """Write params.yaml, and run the stages before `train`."""
    last = {"max_steps": steps, "evaluate_every": steps, "patience": None}
    params = domains.params | {
        "project": "domains",
        "seed": seed,
        "unlabelled": {"other": {"path": domains.unlabelled}},
        "train": domains.params["train"] | last,
        "candidates": {
            name: {"adaptation": domains.adaptation} | ({} if name == ALONE else {"auxiliary": asked(name)})
            for name in names
        },
        "selection": {"metric": "accuracy"},
    }
    (workspace.root / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    for stage in (["ingest"], ["validate"], ["split"], ["unlabelled", "other"]):
        command = [sys.executable, "-m", "finetrail", *stage]
        subprocess.run(command, cwd=workspace.root, check=True, stdout=subprocess.DEVNULL)


def measure(workspace: Workspace, domains: Domains, seed: int) -> tuple[list[float], dict[str, int]]:
    """Train each candidate once: their scores, and the place of the candidate that each validator ranks first."""
    params, val = load_params(workspace.root / "params.yaml"), workspace.split("val")
    shared = Shared(workspace, params.task.task, params.candidates[ALONE].train, seed)
    labels = read_frame(val)["label"].tolist()
    sides = Sides(val, labels, workspace.unlabelled("other"), workspace.scratch, seed)
    scores, judged = [], []
    for name, candidate in params.candidates.items():
        began = time.perf_counter()
        built = trained(params, workspace, candidate, shared, seed)
        answers: Any = answers_to(built, domains.test[0])
        scores.append(point_scores(built.codec.judge, domains.test[1], answers)["accuracy"])
        judged.append(_judged(built, sides))
        told = ", ".join(f"{one} {value:.3f}" for one, value in judged[-1].items())
        print(f"seed {seed}, {name}: {scores[-1]:.4f}; {told}; {time.perf_counter() - began:.0f} s", flush=True)
    return scores, {one: int(np.argmax([of[one] for of in judged])) for one in judged[0]}


def _judged(built: Built, sides: Sides) -> dict[str, float]:
    """What `select` may rank by."""
    answers: Any = answers_to(built, Contents(sides.val, built.task.content.name))
    found = {"validation": point_scores(built.codec.judge, sides.labels, answers)["accuracy"]}
    material: dict[bool, Any] = {}  # the answers in the other domain are the same for all that score them
    for method in VALIDATORS:
        settings = {"metric": "accuracy", "validator": {"method": method, "rows": "other"}}
        validator: Any = Selection.model_validate(settings).validator
        if validator.weighs not in material:
            material[validator.weighs] = sides.material(validator, built)
        found |= point_scores(validator, sides.labels, material[validator.weighs])
    return found


def _report_choices(scores: np.ndarray, picked: list[dict[str, int]]) -> None:
    """Args: scores: (seeds, candidates)."""
    print("| ranked by | accuracy of the first, mean | lost to the best |\n|---|---|---|")
    for one in picked[0]:
        own = np.array([of_seed[places[one]] for of_seed, places in zip(scores, picked, strict=True)])
        print(f"| `{one}` | {own.mean():.4f} | {(scores.max(axis=1) - own).mean():.4f} |")
    print(flush=True)


if __name__ == "__main__":
    main()
