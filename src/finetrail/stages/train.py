"""Stage `train`: fine-tune one candidate on the training split, and score it on the validation split."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from finetrail.evaluation.scores.metric import Point
from finetrail.inference import processes
from finetrail.inference.device import peak_memory_mb
from finetrail.models.weights import hash_tensors
from finetrail.progress import Track, quiet
from finetrail.runs import hashes
from finetrail.runs.aloud import Aloud
from finetrail.runs.live import LiveRun, checkpoint_folder
from finetrail.runs.record import RunRecord, final_metrics, settings_of
from finetrail.search.candidate import Searched
from finetrail.search.mirror import show_outcome
from finetrail.stages.train_outs import TEACHER, Outs, new_record, seen_in_training, write_outs
from finetrail.targets.target import metric_named
from finetrail.tasks.task import Task
from finetrail.training.checkpoints import Checkpoint, Checkpoints
from finetrail.training.fitted import Fitted
from finetrail.training.measured import trained_on
from finetrail.training.outcome import Outcome, carry_out
from finetrail.training.plan import Plan
from finetrail.training.schedule import depends_on_length
from finetrail.training.steps import Observer, Records
from finetrail.training.work import Work, build, encode, read_rows
from finetrail.units.shared import Shared
from finetrail.units.store import Answered
from finetrail.units.unit import Unit
from finetrail.units.units import Units
from finetrail.workspace import Workspace


def _untold(line: str) -> None:
    """Ignore the line."""


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
    candidate: Searched,
    *,
    project: str,
    task: Task,
    seed: int,
    track: Track = quiet,
    tell: Callable[[str], None] = _untold,
    helper: Callable[[], object] | None = None,
) -> Trained | None:
    """Write `data/models/<name>` and `data/runs/<name>`; open, fill and close the candidate's MLflow run.

    A candidate with open settings is searched first; its model is that of the chosen trial.

    The run's id is written to run.json, for later stages and for clones that get the model out of DVC's cache. A
    training that was cut off resumes from its last checkpoint, in the same run.

    Args:
        tell: hears in a line how much a search has to do, and how far a long training is.
        helper: what each of several processes does for a search; None: it takes one.

    Returns:
        What was done; None in all but the first of several processes: only the first writes.
    """
    processes.join()
    study, start, shared = None, None, None
    if candidate.search is not None:
        from finetrail.search.problem import Problem
        from finetrail.search.searching import search

        problem = Problem(workspace, project, task, name, candidate, candidate.search, seed)
        found = search(problem, tell, track, helper)
        candidate, study, start, shared = found.candidate, found.record, found.start, problem.shared
    # First, so that one start finishes the candidate's own run: these are kept, and cost nothing at the next.
    further: dict[int, Answered] = {}
    if candidate.train.seeds > 1:
        further = _finished(Units(workspace, name, candidate, task, seed), seed, candidate.train.seeds, track)
    started = time.perf_counter()
    work = _work(workspace, task, candidate, seed, shared=shared, track=track)
    frames = work.rows.frames
    used = settings_of(task.identity, seed, candidate)
    record = new_record(workspace, name, used, work)
    run = _open_run(workspace, project, record, work, start) if processes.rank() == 0 else None
    processes.wait()
    try:
        checkpoints = Checkpoints(checkpoint_folder(workspace, name))
        resume = run.resume if run else checkpoints.newest()
        records = Records(checkpoints, _aloud(run.log, tell, work) if run else _unheard, resume, track)
        done = carry_out(work, records, workspace, shared.remembered if shared else None)
        if run is None:
            return None
        measured = _measured(started, resume, done.fitted)
        machine = trained_on(done.machine.precision)
        record = replace(record, run_id=run.log.run_id, measured=measured, machine=machine)
        outs = replace(_outs(work, record, done), further=further, study=study)
        write_outs(workspace, frames["val"], outs)
    except BaseException as error:
        if run is not None:
            run.fail(error)
        raise
    run.finish(final_metrics(done.metrics, measured))
    if study is not None:
        show_outcome(workspace, project, name, study, record.run_id)
    val, parameters, fitted = done.metrics["val"], done.metrics["parameters"], done.fitted
    return Trained(record.run_id, val, parameters, fitted.epochs, fitted.best_epoch, measured)


def _work(
    workspace: Workspace, task: Task, candidate: Searched, seed: int, *, shared: Shared | None, track: Track
) -> Work:
    """A new model and its rows. Args: shared: what the trials have read and encoded; None: there were none."""
    if shared is not None:
        rows, inputs, processor = shared.rows(candidate), shared.inputs(candidate), shared.processor(candidate)
        built = replace(build(workspace, task, candidate, rows, seed), processor=processor)
    else:
        rows = read_rows(workspace, task, candidate.train)
        built = build(workspace, task, candidate, rows, seed)
        inputs = encode(workspace, built, rows, candidate, track)
    return Work(built, candidate, rows, inputs, rows.labels["train"], seed)


def _finished(units: Units, seed: int, seeds: int, track: Track) -> dict[int, Answered]:
    """Trainings with the seeds after the candidate's own, so that there are `seeds` in all."""
    wanted = [Unit(seed + number) for number in range(1, seeds)]
    for _ in track(units.finish(wanted), total=len(wanted), what="further seeds"):
        pass
    return {unit.seed: units.read(unit) for unit in wanted}


def _open_run(workspace: Workspace, project: str, record: RunRecord, work: Work, start: Path | None) -> LiveRun:
    # The weights include the head's random ones, which depend on the seed and on PyTorch's code.
    identity = {
        "code": hashes.hash_code(),
        "torch": torch.__version__,
        "weights": hash_tensors(work.built.model.state_dict()),
        **{name: value for name, value in record.tags.items() if name == TEACHER},
    }
    settings = work.candidate.train
    steps = Plan(work.inputs["train"].lengths, settings, work.seed).steps
    length_matters = depends_on_length(settings) or work.candidate.depends_on_length
    return LiveRun(workspace, project, record, identity, steps=steps, length_matters=length_matters, start=start)


def _outs(work: Work, record: RunRecord, done: Outcome) -> Outs:
    """The results to write."""
    seen = seen_in_training(done.built, work.inputs["train"], work.rows.labels["train"], work.seed)
    return Outs(done.built, work.candidate.backbone, record, done.metrics, done.fitted, done.answers, seen)


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


def _aloud(log: Observer, tell: Callable[[str], None], work: Work) -> Aloud:
    settings: Any = work.candidate.train
    plan = Plan(work.inputs["train"].lengths, settings, work.seed)
    metric = metric_named(work.built.task.target.training_metrics, settings.metric)
    return Aloud(log, tell, metric, epochs=plan.epochs_at(plan.steps), steps=plan.steps)


def _unheard(curve: str, step: int, point: Point) -> None:
    """Ignore the point: only the first process reports the curves."""
