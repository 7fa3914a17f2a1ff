"""Stage `train`: fine-tune one candidate on the training split, and score it on the validation split."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch

from finetrail.data.store.shards import Contents, columns_of, parts, read_frame, refuse_other_labels
from finetrail.evaluation.scores.metric import Point
from finetrail.inference import processes
from finetrail.inference.device import Machine, build_accelerator, fix_seeds, full_precision, peak_memory_mb
from finetrail.inference.feeding import Examples
from finetrail.inference.predict import predict
from finetrail.models.blocks import checkpoint_blocks
from finetrail.models.inputs import Inputs, Watched
from finetrail.models.network import count_parameters
from finetrail.models.weights import hash_tensors
from finetrail.progress import Track, quiet
from finetrail.runs import hashes
from finetrail.runs.live import LiveRun, checkpoint_folder
from finetrail.runs.record import RunRecord, final_metrics, settings_of
from finetrail.stages.train_outs import Outs, new_record, seen_in_training, write_outs
from finetrail.targets.target import metric_named
from finetrail.tasks.task import Built, Task
from finetrail.training.checkpoints import Checkpoint, Checkpoints
from finetrail.training.fitted import Fitted
from finetrail.training.frozen import computed_once
from finetrail.training.loop import fit
from finetrail.training.measured import trained_on
from finetrail.training.merging import merge
from finetrail.training.plan import Plan
from finetrail.training.precision import choose_precision
from finetrail.training.schedule import depends_on_length
from finetrail.training.steps import Objective, Records
from finetrail.workspace import Workspace

if TYPE_CHECKING:
    from finetrail.sections import Candidate


@dataclass(frozen=True)
class Trained:
    """What `train` did."""

    run_id: str
    metrics: dict[str, float]
    parameters: dict[str, int]
    epochs: float
    best_epoch: float
    measured: dict[str, float]


@dataclass(frozen=True)
class _Work:
    """What to train, and on what. Attributes: inputs, labels, rows: of train and val."""

    built: Built
    candidate: "Candidate"
    inputs: dict[str, Inputs]
    labels: dict[str, list[Any]]
    rows: dict[str, pd.DataFrame]
    seed: int
    track: Track

    @property
    def settings(self) -> Any:
        """Section `train`, with the task's own settings."""
        return self.candidate.train


def train(
    workspace: Workspace,
    name: str,
    candidate: "Candidate",
    *,
    project: str,
    task: Task,
    seed: int,
    track: Track = quiet,
) -> Trained | None:
    """Write `data/models/<name>` and `data/runs/<name>`; open, fill and close the candidate's MLflow run.

    The run's id is written to run.json, for later stages and for clones that get the model out of DVC's cache. A
    training that was cut off resumes from its last checkpoint, in the same run.

    Returns:
        What was done; None in all but the first of several processes: only the first writes.
    """
    started = time.perf_counter()
    processes.join()
    settings: Any = candidate.train
    rows = {split: read_frame(workspace.split(split)) for split in ("train", "val")}
    for shard in parts(workspace.split("train"))[:1]:
        refuse_other_labels(shard, task.target.arrow())
    labels = {split: rows[split]["label"].tolist() for split in rows}
    learning = task.target.learn(labels["train"], settings)
    fix_seeds(seed)
    columns = columns_of(workspace.split("train"), task.content.name)
    built = task.build(candidate.backbone, learning, workspace.root, columns)
    candidate.adaptation.apply(built.model)
    inputs = _encode(workspace, built, labels, settings, track)
    work = _Work(built, candidate, inputs, labels, rows, seed, track)
    used = settings_of(task.identity, seed, candidate.backbone, candidate.adaptation, settings)
    record = new_record(workspace, name, used, {split: len(rows[split]) for split in rows})
    run = _open_run(workspace, project, record, work) if processes.rank() == 0 else None
    processes.wait()
    try:
        checkpoints = Checkpoints(checkpoint_folder(workspace, name))
        resume = run.resume if run else checkpoints.newest()
        records = Records(checkpoints, run.log if run else _unheard, resume, track)
        parameters = count_parameters(built.model)
        fitted, machine = _fit(work, records, workspace)
        learning.finish(built.model)
        metric, size = metric_named(task.target.metrics, settings.metric), settings.batch_size
        # Score the model as it will be served: whole, merged, in full precision.
        with full_precision():
            unmerged = merge(built, candidate.adaptation, workspace.split("val"), rows["val"], metric)
            kept = predict(built.model, inputs["val"], learning.keep, size, track=track, what="scoring")
        if run is None:
            return None
        measured = _measured(started, resume, fitted)
        record = replace(record, run_id=run.log.run_id, measured=measured, machine=trained_on(machine.precision))
        outs = _outs(work, record, fitted, parameters=parameters, kept=kept, unmerged=unmerged)
        write_outs(workspace, rows["val"], outs)
    except BaseException as error:
        if run is not None:
            run.fail(error)
        raise
    run.finish(final_metrics(outs.metrics, measured))
    return Trained(record.run_id, outs.metrics["val"], parameters, fitted.epochs, fitted.best_epoch, measured)


def _encode(
    workspace: Workspace, built: Built, labels: dict[str, list[Any]], settings: Any, track: Track
) -> dict[str, Inputs]:
    """The rows of train and val with their targets, ready for the model."""
    found = {}
    for split, known in labels.items():
        contents = Contents(workspace.split(split), built.task.content.name)
        inputs = built.processor.encode(
            Watched(contents, track, f"reading {split}"),
            augment=settings.augment if split == "train" else None,
            scratch=workspace.scratch,
        )
        found[split] = inputs.labelled(built.learning.encode(known, inputs))
    return found


def _open_run(workspace: Workspace, project: str, record: RunRecord, work: _Work) -> LiveRun:
    # The weights include the head's random ones, which depend on the seed and on PyTorch's code.
    identity = {
        "code": hashes.hash_code(),
        "torch": torch.__version__,
        "weights": hash_tensors(work.built.model.state_dict()),
    }
    steps = Plan(work.inputs["train"].lengths, work.settings, work.seed).steps
    length_matters = depends_on_length(work.settings)
    return LiveRun(workspace, project, record, identity, steps=steps, length_matters=length_matters)


def _fit(work: _Work, records: Records, workspace: Workspace) -> tuple[Fitted, Machine]:
    """Train; returns the progress and the machine."""
    model, inputs, settings, learning = work.built.model, work.inputs, work.settings, work.built.learning
    batch = inputs["train"].batch(range(min(settings.batch_size, len(inputs["train"]))))
    resume = records.resume
    precision = resume.state["precision"] if resume else choose_precision(settings.precision, model, batch)
    machine = Machine(build_accelerator(precision), precision)
    if not settings.fsdp:
        model.to(machine.accelerator.device)
        if settings.gradient_checkpointing:
            checkpoint_blocks(model.backbone)
    with computed_once(model, inputs, settings, precision, scratch=workspace.scratch, track=work.track) as fed:
        examples = {split: Examples(fed[split], work.rows[split]["id"].tolist()) for split in fed}
        objective = Objective(
            learning.loss(settings, work.labels["train"]),
            learning.keep,
            score=lambda kept: learning.score(kept, inputs["val"], work.labels["val"]),
            metric=metric_named(work.built.task.target.metrics, settings.metric),
        )
        fitted = fit(
            model,
            examples,
            settings,
            objective=objective,
            machine=machine,
            records=records,
            seed=work.seed,
            start_epoch=work.candidate.adaptation.start_epoch,
        )
    return fitted, machine


def _outs(
    work: _Work,
    record: RunRecord,
    fitted: Fitted,
    *,
    parameters: dict[str, int],
    kept: Any,
    unmerged: dict[str, float],
) -> Outs:
    """The results to write.

    Args:
        kept: what `predict` kept of the finished model's validation outputs.
        unmerged: see `finetrail.training.merging.merge`.
    """
    val, labels = work.inputs["val"], work.labels["val"]
    learning = work.built.learning.fitted(kept, val, labels)
    built = replace(work.built, learning=learning)
    metrics = {
        "val": learning.score(kept, val, labels, finished=True),
        "parameters": parameters,
        "epochs": fitted.epochs,
        "best_epoch": fitted.best_epoch,
        "target": built.codec.described(),
        **({"unmerged": unmerged} if unmerged else {}),
    }
    seen = seen_in_training(built, work.inputs["train"], work.labels["train"], work.seed)
    return Outs(built, work.candidate.backbone, record, metrics, fitted, learning.answers(kept, val), seen)


def _measured(started: float, resume: Checkpoint | None, fitted: Fitted) -> dict[str, float]:
    """The cost of the training, including the work before a crash."""
    before = resume.state["fitted"]["seconds"] if resume else 0.0
    seconds = before + time.perf_counter() - started
    return {
        "seconds": round(seconds, 2),
        "samples_per_second": round(fitted.samples / seconds, 2),
        "peak_memory_mb": float(peak_memory_mb()),
        "activation_memory_mb": round(fitted.activations / 2**20, 2),
    }


def _unheard(curve: str, step: int, point: Point) -> None:
    """Ignore the point: only the first process reports the curves."""
