"""The outs of stage `train`: the model, its scores, curves and answers, and some examples as it saw them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from finetrail.contents.content import Backbone
from finetrail.evaluation.report.previews import Seen, write_seen
from finetrail.models.inputs import Inputs
from finetrail.run_paths import RunPaths
from finetrail.runs import hashes
from finetrail.runs.curves import write_curve
from finetrail.runs.record import RUN_FINGERPRINT, RunRecord, write_record
from finetrail.runs.study import Study, write_study
from finetrail.serving.predictions import write_predictions
from finetrail.targets.learning import Showing
from finetrail.tasks.task import Built
from finetrail.training.fitted import Fitted
from finetrail.training.work import UNLABELLED, Work
from finetrail.units.store import Answered
from finetrail.units.table import table_of
from finetrail.units.unit import Unit
from finetrail.workspace import Workspace, replacing, write_json

SHOWN = 8
"""Training examples that are kept as the model sees them, for the report."""
TEACHER = "finetrail.teacher_sha256"
"""The tag of a run whose model had a teacher; of a registered one, it is the model's own `finetrail.fingerprint`."""
DRAWS = 3
"""How often each of them is shown where augmentation makes it another one each time."""


@dataclass(frozen=True)
class Outs:
    """The results of a training.

    Attributes:
        metrics: the content of details.json.
        answers: for the validation rows.
        seen: training examples as the model sees them.
        further: the trainings with further seeds, by seed.
        study: the search that found the settings; None where nothing was open.
    """

    built: Built
    backbone: Backbone
    record: RunRecord
    metrics: dict[str, Any]
    fitted: Fitted
    answers: Any
    seen: list[Seen]
    further: Mapping[int, Answered] = field(default_factory=dict)
    study: Study | None = None


def write_outs(workspace: Workspace, val: pd.DataFrame, outs: Outs) -> None:
    """Write `data/models/<name>` and `data/runs/<name>`, whole or not at all. Args: val: the validation rows."""
    name, built = outs.record.name, outs.built
    with replacing(workspace.model(name)) as model_folder, replacing(workspace.run(name).root) as run_folder:
        built.task.save(built, outs.backbone, model_folder)
        paths = RunPaths(run_folder)
        write_json(paths.details, outs.metrics | _described(outs.further))
        write_json(paths.metrics, {"val": outs.metrics["val"], "trainable": outs.metrics["parameters"]["trainable"]})
        answers = {Unit(seed): one.frame for seed, one in outs.further.items()}
        table_of(answers).drop(columns="fraction").to_parquet(paths.seeds, index=False, compression="zstd")
        write_curve(paths.train_curve, outs.fitted.train_curve)
        write_curve(paths.val_curve, outs.fitted.val_curve)
        write_predictions(paths.predictions, val, built.codec, outs.answers)
        write_seen(outs.seen, paths.seen)
        write_study(outs.study, paths.study_record)
        write_record(outs.record, paths.record)


def _described(further: Mapping[int, Answered]) -> dict[str, Any]:
    """What details.json says of further seeds."""
    if not further:
        return {}
    return {"seeds": [{"seed": seed, "val": one.val, "target": one.target} for seed, one in further.items()]}


def seen_in_training(built: Built, inputs: Inputs, labels: Sequence[Any], seed: int) -> list[Seen]:
    """The first training examples as the model sees them, cut and augmented; each several times if augmentation is on.

    Args:
        labels: of all rows.
    """
    caption = built.task.target.caption
    first = list(range(min(SHOWN, len(inputs))))
    draws = range(DRAWS if inputs.varies else 1)
    batches = [inputs.batch(first, seed + draw) for draw in draws]
    shown = [built.processor.show(batch) for batch in batches]
    if not isinstance(built.learning, Showing):
        return [Seen(caption(labels[inputs.rows[place]]), batch[place]) for place in first for batch in shown]
    learnt = [built.learning.learnt(batch) for batch in batches]
    pairs = list(zip(learnt, shown, strict=True))
    return [Seen(caption(of[place]), batch[place], of[place]) for place in first for of, batch in pairs]


def new_record(workspace: Workspace, name: str, params: dict[str, str], work: Work) -> RunRecord:
    """The record of the new run, without its id."""
    contexts = {"train": "training", "val": "validation"}
    folders = {split: (workspace.split(split), len(frame)) for split, frame in work.rows.frames.items()}
    if (unlabelled := work.candidate.unlabelled) is not None:
        folders[UNLABELLED] = workspace.unlabelled(unlabelled), len(work.inputs[UNLABELLED])
    datasets = [
        {
            "name": name,
            # MLflow accepts digests of at most 36 characters.
            "digest": hashes.hash_folder(folder)[:36],
            "rows": str(count),
            "context": contexts.get(name, "training"),
            "source": folder.relative_to(workspace.root).as_posix(),
        }
        for name, (folder, count) in folders.items()
    ]
    tags = {RUN_FINGERPRINT: hashes.hash_of([name, params, datasets])}
    if (asked := work.candidate.distillation) is not None:
        tags[TEACHER] = hashes.hash_folder(workspace.root / asked.teacher)
    return RunRecord("", name, params, tags, datasets, {}, {})
