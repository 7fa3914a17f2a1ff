"""Stage `train`: fine-tune one candidate on the training split, and score it on the validation split."""

import time
from dataclasses import dataclass, replace

import torch

from finetrail.adaptation.methods import Adaptation
from finetrail.data.store.raw import Contents, read_frame
from finetrail.inference import processes
from finetrail.inference.device import build_accelerator, fix_seeds, peak_memory_mb
from finetrail.inference.feeding import Examples
from finetrail.inference.predict import predict
from finetrail.models.blocks import checkpoint_blocks
from finetrail.models.inputs import Inputs, Watched
from finetrail.models.network import count_parameters
from finetrail.models.weights import hash_tensors
from finetrail.progress import Track, quiet
from finetrail.runs import hashes
from finetrail.runs.curves import Point
from finetrail.runs.live import LiveRun, checkpoint_folder
from finetrail.runs.record import RunRecord, final_metrics, flatten
from finetrail.settings import Settings
from finetrail.stages.train_outs import Outs, seen_in_training, write_outs
from finetrail.targets.learning import learn
from finetrail.tasks.registry import get_entry, get_task
from finetrail.tasks.task import Built
from finetrail.training.checkpoints import Checkpoint, Checkpoints
from finetrail.training.fitted import Fitted
from finetrail.training.frozen import computed_once
from finetrail.training.loop import fit
from finetrail.training.measured import trained_on
from finetrail.training.plan import Plan
from finetrail.training.precision import choose_precision
from finetrail.training.schedule import depends_on_length
from finetrail.training.settings import Training
from finetrail.workspace import Workspace


@dataclass(frozen=True)
class Trained:
    """What `train` did."""

    run_id: str
    metrics: dict[str, float]
    parameters: dict[str, int]
    epochs: float
    best_epoch: float
    measured: dict[str, float]


def train(
    workspace: Workspace,
    name: str,
    *,
    project: str,
    task_name: str,
    backbone: Settings,
    adaptation: Adaptation,
    settings: Training,
    seed: int,
    track: Track = quiet,
) -> Trained | None:
    """Write `data/models/<name>` and `data/runs/<name>`; open, fill and close the candidate's MLflow run.

    The run's id is written to run.json, for later stages and for clones that get the model out of DVC's cache. A
    training that was cut off goes on from its last checkpoint, in the same run.

    Returns:
        What was done; None in all but the first of several processes, which alone writes.
    """
    started = time.perf_counter()
    processes.join()
    task = get_task(task_name)
    rows = {split: read_frame(workspace.split(split)) for split in ("train", "val")}
    learning = learn(task.problem, rows["train"]["label"].tolist(), settings)
    targets = {split: learning.targets(rows[split]["label"].tolist()) for split in rows}
    fix_seeds(seed)
    built = task.build(backbone, learning.outputs, workspace.root)
    model = built.model
    adaptation.apply(model)
    inputs = _encode(workspace, built, get_entry(task_name).column, settings, track)
    used = {
        "task": task_name,
        "seed": seed,
        "backbone": backbone.model_dump(),
        "adaptation": adaptation.model_dump(),
        "train": settings.model_dump(),
    }
    record = _record(workspace, name, flatten(used), {split: len(rows[split]) for split in rows})
    run: LiveRun | None = None
    if processes.rank() == 0:
        # The random weights of the head are in it too: they follow from the seed, and from PyTorch's own code.
        identity = {
            "code": hashes.hash_code(),
            "torch": torch.__version__,
            "weights": hash_tensors(model.state_dict()),
        }
        steps = Plan(inputs["train"].lengths, settings, seed).steps
        run = LiveRun(workspace, project, record, identity, steps=steps, length_matters=depends_on_length(settings))
    processes.wait()
    checkpoints = Checkpoints(checkpoint_folder(workspace, name))
    resume = run.resume if run else checkpoints.newest()
    try:
        batch = inputs["train"].batch(range(min(settings.batch_size, len(inputs["train"]))))
        precision = resume.state["precision"] if resume else choose_precision(settings.precision, model, batch)
        accelerator = build_accelerator(precision)
        if not settings.fsdp:
            model.to(accelerator.device)
        parameters = count_parameters(model)
        if settings.gradient_checkpointing and not settings.fsdp:
            checkpoint_blocks(model.backbone)
        with computed_once(model, inputs, settings, precision, scratch=workspace.scratch, track=track) as fed:
            examples = {split: Examples(fed[split], targets[split], rows[split]["id"].tolist()) for split in rows}
            fitted = fit(
                model,
                examples["train"],
                examples["val"],
                settings,
                loss=task.loss(learning.loss_options(targets["train"])),
                score=learning.score,
                accelerator=accelerator,
                precision=precision,
                seed=seed,
                checkpoints=checkpoints,
                observe=run.log if run else _unheard,
                start_epoch=adaptation.start_epoch,
                resume=resume,
                track=track,
            )
        adaptation.merge(model)
        learning.finish(model)
        # Scored as it will be served: whole, merged, in full precision.
        logits = predict(model, inputs["val"], settings.batch_size, track, "scoring")
        if run is None:
            return None
        measured = _measured(started, resume, fitted)
        found = learning.score_finished(logits, targets["val"])
        metrics = {
            "val": found,
            "parameters": parameters,
            "epochs": fitted.epochs,
            "best_epoch": fitted.best_epoch,
            **learning.described(),
        }
        record = replace(record, run_id=run.log.run_id, measured=measured, machine=trained_on(precision))
        seen = seen_in_training(built, inputs["train"], rows["train"]["label"].tolist(), seed)
        outs = Outs(built, backbone, record, metrics, fitted, learning.answers(logits), seen)
        write_outs(workspace, task, rows["val"], outs)
    except BaseException as error:
        if run is not None:
            run.fail(error)
        raise
    run.finish(final_metrics(metrics, measured))
    return Trained(record.run_id, found, parameters, fitted.epochs, fitted.best_epoch, measured)


def _encode(workspace: Workspace, built: Built, column: str, settings: Training, track: Track) -> dict[str, Inputs]:
    """The rows of train and val, ready for the model. Args: column: what they hold."""
    return {
        split: built.processor.encode(
            Watched(Contents(workspace.split(split), column), track, f"reading {split}"),
            augment=settings.augment if split == "train" else None,
            scratch=workspace.scratch,
        )
        for split in ("train", "val")
    }


def _measured(started: float, resume: Checkpoint | None, fitted: Fitted) -> dict[str, float]:
    """What the training cost, with what went before a crash."""
    before = resume.state["fitted"]["seconds"] if resume else 0.0
    seconds = before + time.perf_counter() - started
    return {
        "seconds": round(seconds, 2),
        "samples_per_second": round(fitted.samples / seconds, 2),
        "peak_memory_mb": float(peak_memory_mb()),
        "activation_memory_mb": round(fitted.activations / 2**20, 2),
    }


def _unheard(curve: str, step: int, point: Point) -> None:
    """One of several processes tells of the curves."""


def _record(workspace: Workspace, name: str, params: dict[str, str], rows: dict[str, int]) -> RunRecord:
    """Of the run that is to be, without its id. Args: rows: how many each split has."""
    contexts = {"train": "training", "val": "validation"}
    datasets = [
        {
            "name": split,
            # MLflow takes a digest of 36 characters at most.
            "digest": hashes.hash_folder(workspace.split(split))[:36],
            "rows": str(count),
            "context": contexts[split],
            "source": f"data/splits/{split}",
        }
        for split, count in rows.items()
    ]
    tags = {"finetrail.fingerprint": hashes.hash_of([name, params, datasets])}
    return RunRecord("", name, params, tags, datasets, {}, {})
