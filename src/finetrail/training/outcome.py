"""Train one candidate and answer the validation rows: all that a training is, but for where its results are kept."""

import logging
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from finetrail.inference.device import Machine, full_precision
from finetrail.inference.features import compute_features
from finetrail.inference.feeding import Examples
from finetrail.inference.predict import predict
from finetrail.models.inputs import Inputs
from finetrail.models.network import count_parameters
from finetrail.targets.target import metric_named
from finetrail.tasks.task import Built
from finetrail.training.beside import Beside, join, with_auxiliary
from finetrail.training.fitted import Fitted
from finetrail.training.frozen import Remembered, is_frozen
from finetrail.training.loop import fit
from finetrail.training.merging import merge
from finetrail.training.precision import lost_in_fp32
from finetrail.training.prepared import prepared
from finetrail.training.steps import Records
from finetrail.training.taught import Both
from finetrail.training.work import SPLITS, UNLABELLED, Work
from finetrail.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """A finished training.

    Attributes:
        built: the model as it will be served, with what the validation rows decided, such as thresholds.
        metrics: the content of details.json.
        answers: to the validation rows.
    """

    built: Built
    fitted: Fitted
    machine: Machine
    metrics: dict[str, Any]
    answers: Any


def carry_out(work: Work, records: Records, workspace: Workspace, remembered: Remembered | None = None) -> Outcome:
    """Train to the end, resuming where `records` says so.

    Args:
        remembered: see `computed_once`; by default what this training computes, so that a frozen backbone whose
            training was in full precision does not read the validation rows again to score.

    Raises:
        RoundTripError: the merged model does not answer as the trained one.
    """
    built, val, labels = work.built, work.inputs["val"], work.rows.labels["val"]
    parameters, remembered = count_parameters(built.model), remembered or Remembered()
    fitted, machine, fed = fit_work(work, records, workspace.scratch, remembered)
    built.learning.finish(built.model)
    settings: Any = work.candidate.train
    target, size = built.task.target, settings.batch_size
    metric = metric_named(target.training_metrics, settings.metric)
    # Score the model as it will be served: whole, merged, in full precision.
    with full_precision():
        adaptation, rows = work.candidate.adaptation, work.rows.frames["val"]
        asked = metric if metric in target.metrics else target.metrics[-1]
        unmerged = merge(built, adaptation, workspace.split("val"), rows, asked)
        if is_frozen(built.model) and not built.model.writes and not adaptation.merges:
            compute = partial(compute_features, built.model, batch_size=size, scratch=workspace.scratch)
            fed = remembered.features(built.model, "fp32", val, compute)
        kept = predict(built.model, fed, built.learning.keep, size, track=records.track, what="scoring")
    best, scored = metric.goodness(fitted.best), built.learning.score(kept, val, labels, finished=True)[metric.name]
    if warning := lost_in_fp32(machine.precision, metric, best, scored):
        log.warning(warning)
    learning = built.learning.fitted(kept, val, labels)
    metrics = {
        "val": learning.score(kept, val, labels, finished=True),
        "parameters": parameters,
        "epochs": fitted.epochs,
        "best_epoch": fitted.best_epoch,
        "target": learning.codec.described(),
        **({"unmerged": unmerged} if unmerged else {}),
    }
    return Outcome(replace(built, learning=learning), fitted, machine, metrics, learning.answers(kept, val))


def fit_work(
    work: Work, records: Records, scratch: Path, remembered: Remembered | None
) -> tuple[Fitted, Machine, Inputs]:
    """Train; returns the progress, the machine, and what the trained model is to be scored on."""
    resume = records.resume
    precision = resume.state["precision"] if resume else None
    with prepared(work, scratch, precision=precision, track=records.track, remembered=remembered) as ready:
        model, train, objective = work.built.model, ready.inputs["train"], ready.objective
        if (auxiliary := work.candidate.auxiliary) is not None:
            model = join(model, auxiliary, train, work.seed)
            objective = replace(objective, loss=with_auxiliary(objective.loss, auxiliary))
        elif work.candidate.unlabelled is not None:
            model = Both(model)
        if work.candidate.unlabelled is not None:
            plain = auxiliary is not None and auxiliary.reads_plain
            train = Beside(train, ready.inputs[UNLABELLED], plain)
        ids = {split: work.rows.frames[split]["id"].tolist() for split in SPLITS}
        fitted = fit(
            model,
            {"train": Examples(train, ids["train"]), "val": Examples(ready.inputs["val"], ids["val"])},
            work.candidate.train,
            objective=objective,
            machine=ready.machine,
            records=records,
            seed=work.seed,
            method=work.candidate.adaptation,
        )
    return fitted, ready.machine, ready.scored
