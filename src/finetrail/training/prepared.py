"""What a training needs in place before its first step: precision, device, inputs, loss and score."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetrail.inference.device import Machine, Precision, build_accelerator
from finetrail.models.blocks import checkpoint_blocks
from finetrail.models.inputs import Inputs
from finetrail.progress import Track, quiet
from finetrail.targets.learning import Distilling
from finetrail.targets.target import metric_named
from finetrail.training.frozen import Remembered, computed_once
from finetrail.training.precision import choose_precision
from finetrail.training.start import with_start
from finetrail.training.steps import Objective
from finetrail.training.taught import with_teacher
from finetrail.training.work import Work


@dataclass(frozen=True)
class Prepared:
    """A work whose steps can be taken.

    Attributes:
        inputs: of train and val as the model reads them: the outputs of its frozen part, where there is one.
        scored: of val, to score the trained model by in full precision.
        frozen: whether there is one.
        seconds: that computing its outputs took.
    """

    machine: Machine
    inputs: dict[str, Inputs]
    scored: Inputs
    objective: Objective
    frozen: bool
    seconds: float


@contextmanager
def prepared(
    work: Work,
    scratch: Path,
    *,
    precision: Precision | None = None,
    track: Track = quiet,
    remembered: Remembered | None = None,
) -> Iterator[Prepared]:
    """Within this context, the model is on its device and can be trained on the inputs.

    Args:
        scratch: a folder for what does not fit into memory.
        precision: of an earlier start of the same training; by default that of the settings.
        remembered: see `computed_once`.
    """
    model, learning = work.built.model, work.built.learning
    settings: Any = work.candidate.train
    train, val = work.inputs["train"], work.inputs["val"]
    batch = train.batch(range(min(settings.batch_size, len(train))))
    precision = precision or choose_precision(settings.precision, model, batch)
    machine = Machine(build_accelerator(precision), precision)
    if not settings.fsdp:
        model.to(machine.accelerator.device)
        if settings.gradient_checkpointing:
            checkpoint_blocks(model.backbone)
    loss, distillation = learning.loss(settings, work.train_labels), work.candidate.distillation
    if distillation is not None and isinstance(learning, Distilling):
        loss = with_teacher(loss, learning.from_teacher(distillation.temperature), distillation.alpha)
    objective = Objective(
        work.candidate.adaptation.loss(model, loss),
        learning.keep,
        score=lambda kept: learning.score(kept, val, work.rows.labels["val"]),
        metric=metric_named(work.built.task.target.training_metrics, settings.metric),
    )
    began = time.perf_counter()
    fed = with_start(work, precision, track, remembered)
    with computed_once(model, fed.inputs, settings, precision, scratch=scratch, track=track, remembered=remembered) as (
        inputs
    ):
        frozen = inputs["train"] is not fed.inputs["train"]
        yield Prepared(machine, inputs, fed.scored, objective, frozen, time.perf_counter() - began)
