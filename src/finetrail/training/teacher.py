"""The teacher of a student: it answers all rows once, before the training, and is not held while the student learns."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from finetrail.data.store.shards import Contents
from finetrail.errors import ConfigError
from finetrail.inference.device import build_accelerator, full_precision
from finetrail.inference.predict import predict
from finetrail.locations import locate_weights
from finetrail.models.blocks import take_over
from finetrail.models.inputs import Watched
from finetrail.progress import Track
from finetrail.targets.codec import refuse_broken
from finetrail.tasks.registry import load_model
from finetrail.tasks.task import Built

SIZE = 64
"""Rows that a teacher answers at once: no setting of the training changes a bit of its answers."""


def load_teacher(address: str, root: Path, student: Built) -> Built:
    """A teacher, which must answer the question of its student.

    Args:
        address: a folder, relative to `root`.

    Raises:
        SourceError: there is no such folder.
        ModelError: it holds no model of finetrail.
        ConfigError: it is of another task, reads other columns or knows other classes.
    """
    teacher = load_model(locate_weights(address, root))
    whose, remedy = f"the teacher {address!r}", "name another in distillation.teacher"
    if teacher.task.identity != student.task.identity:
        kinds = [" of ".join(reversed(one.task.identity.values())) for one in (teacher, student)]
        raise ConfigError(f"{whose} was trained for {kinds[0]}, but this is {kinds[1]}; {remedy}")
    if teacher.columns != student.columns:
        columns = [" and ".join(one.columns) for one in (teacher, student)]
        raise ConfigError(f"{whose} reads {columns[0]}, but the rows have {columns[1]}; {remedy}")
    known, wanted = teacher.codec.outputs, student.codec.outputs
    if known != wanted:
        parts = [
            f"{what} {names[0]!r}{f' and {len(names) - 1} more' if len(names) > 1 else ''}"
            for what, names in (
                ("it alone knows", sorted(set(known) - set(wanted))),
                ("it does not know", sorted(set(wanted) - set(known))),
            )
            if names
        ]
        raise ConfigError(f"{whose} has other classes than the training rows: {'; '.join(parts)}; {remedy}")
    return teacher


def ask(teacher: Built, whose: str, folder: Path, scratch: Path, track: Track) -> Tensor:
    """The teacher's outputs (n, K) for the rows of a folder of shards, in full precision.

    Args:
        whose: its address.
        scratch: a folder for what does not fit into memory.

    Raises:
        ModelError: one of them is NaN or infinite.
    """
    contents = Watched(Contents(folder, teacher.task.content.name), track, f"reading {folder.name}")
    inputs = teacher.processor.encode(contents, scratch=scratch)
    teacher.model.to(build_accelerator().device)
    with full_precision():
        kept: Any = predict(teacher.model, inputs, teacher.learning.keep, SIZE, track=track, what="asking the teacher")
    answers = teacher.learning.answers(kept, inputs)
    refuse_broken(teacher.codec, answers, f"the teacher {whose!r}", "name another in distillation.teacher")
    return torch.from_numpy(answers)


def start_as(student: Built, teacher: Built, whose: str) -> None:
    """Give a student the weights of its teacher: of as many layers as it has.

    Args:
        whose: the address of the teacher.

    Raises:
        ConfigError: its layers are of another kind or size.
    """
    try:
        take_over(student.model.backbone, teacher.model.backbone)
        student.model.head.load_state_dict(teacher.model.head.state_dict())
    except RuntimeError as error:
        cause = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"the teacher {whose!r} lacks layers of this backbone ({cause}); set distillation.start to pretrained"
        ) from error
