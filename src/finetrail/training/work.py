"""What one training works on: a candidate's new model, and the rows of train and val as it reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetrail.data.store.shards import Contents, columns_of, parts, read_frame, refuse_other_labels
from finetrail.inference.device import fix_seeds
from finetrail.models.inputs import Inputs, Watched
from finetrail.progress import Track
from finetrail.tasks.task import Built, Task
from finetrail.training.candidate import Candidate
from finetrail.training.settings import Training
from finetrail.training.taught import taught
from finetrail.training.teacher import ask, load_teacher, start_as
from finetrail.workspace import Workspace, need

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.learning import Learning

SPLITS = ("train", "val")
UNLABELLED = "unlabelled"
"""Rows that a candidate learns from without labels, among inputs and among the data sets of a run."""


@dataclass(frozen=True)
class Rows:
    """The rows to train on and those to judge by, without their contents.

    Attributes:
        frames: id, label and group of each row, by split.
        labels: the same labels, by split.
        columns: that a row's content was read from.
        learning: what the labels of train teach.
    """

    frames: dict[str, "pd.DataFrame"]
    labels: dict[str, list[Any]]
    columns: tuple[str, ...]
    learning: "Learning"

    @property
    def groups(self) -> list[object]:
        """The group of each row to train on; None for a row of its own."""
        groups = self.frames["train"]["group"]
        return [group if known else None for group, known in zip(groups, groups.notna(), strict=True)]


@dataclass(frozen=True)
class Work:
    """What to train, and on what.

    Attributes:
        built: the model, new or, after the training, trained.
        inputs: of train and val, with their targets; and of `UNLABELLED`, where the candidate learns from such rows.
        train_labels: of the rows to train on: all of the split, or those that were drawn.
        seed: of the model's new weights, and of the training.
    """

    built: Built
    candidate: Candidate
    rows: Rows
    inputs: dict[str, Inputs]
    train_labels: Sequence[Any]
    seed: int


def read_rows(workspace: Workspace, task: Task, settings: Training) -> Rows:
    """The rows that `split` wrote.

    Args:
        settings: section `train`.

    Raises:
        WorkspaceError: they are missing, or were made for another task.
        TrainingError: nothing can be learned from them.
    """
    frames = {split: read_frame(workspace.split(split)) for split in SPLITS}
    for shard in parts(workspace.split("train"))[:1]:
        refuse_other_labels(shard, task.target.arrow())
    labels = {split: frames[split]["label"].tolist() for split in SPLITS}
    learning = task.target.learn(labels["train"], settings)
    return Rows(frames, labels, columns_of(workspace.split("train"), task.content.name), learning)


def new_model(workspace: Workspace, task: Task, candidate: Candidate, rows: Rows, seed: int) -> Built:
    """The candidate's backbone with a new head, or its teacher's, not yet adapted. It fixes this process's seeds."""
    fix_seeds(seed)
    built = task.build(candidate.backbone, rows.learning, workspace.root, rows.columns)
    asked = candidate.distillation
    if asked is not None and asked.start == "teacher":
        start_as(built, load_teacher(asked.teacher, workspace.root, built), asked.teacher)
    return built


def build(workspace: Workspace, task: Task, candidate: Candidate, rows: Rows, seed: int) -> Built:
    """The candidate's model, adapted and not yet trained. It fixes the seeds of this process."""
    built = new_model(workspace, task, candidate, rows, seed)
    candidate.adaptation.apply(built.model)
    return built


def encode(workspace: Workspace, built: Built, rows: Rows, candidate: Candidate, track: Track) -> dict[str, Inputs]:
    """The rows as `Work.inputs` has them."""
    settings: Any = candidate.train
    found = {split: encode_split(workspace, built, rows, split, settings=settings, track=track) for split in SPLITS}
    learnt = {"train": workspace.split("train")}
    if candidate.unlabelled is not None:  # as training rows, they vary
        learnt[UNLABELLED] = folder = need(workspace.unlabelled(candidate.unlabelled), "unlabelled")
        found[UNLABELLED] = _encoded(workspace, built, folder, settings.augment, track)
    if (asked := candidate.distillation) is not None:
        teacher = load_teacher(asked.teacher, workspace.root, built)
        for name, folder in learnt.items():
            answers = ask(teacher, asked.teacher, folder, workspace.scratch, track)
            found[name] = taught(found[name], answers)
    return found


def encode_split(workspace: Workspace, built: Built, rows: Rows, split: str, *, settings: Any, track: Track) -> Inputs:
    """The rows of one split; as `encode` otherwise. Args: settings: section `train`."""
    augment = settings.augment if split == "train" else None
    inputs = _encoded(workspace, built, workspace.split(split), augment, track)
    return inputs.labelled(built.learning.encode(rows.labels[split], inputs))


def _encoded(workspace: Workspace, built: Built, folder: Path, augment: Any, track: Track) -> Inputs:
    contents = Watched(Contents(folder, built.task.content.name), track, f"reading {folder.name}")
    return built.processor.encode(contents, augment=augment, scratch=workspace.scratch)
