"""Answers to rows by models that never saw them, where a head is not linear: the candidate is trained for each fold.

Unlike the chosen model, which has learnt the labels of the training rows, wrong ones too, each of these models answers
rows whose labels it never read.
"""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.assessment.assessed import Given
from finetrail.assessment.labels.rows import Examined
from finetrail.inference.device import full_precision
from finetrail.inference.predict import predict
from finetrail.models.inputs import Inputs
from finetrail.models.network import Network
from finetrail.models.weights import hash_tensors
from finetrail.progress import duration, quiet
from finetrail.runs import hashes
from finetrail.runs.live import checkpoint_folder
from finetrail.runs.record import settings_of
from finetrail.training.candidate import Candidate
from finetrail.training.checkpoints import Checkpoints
from finetrail.training.drawn import Drawn
from finetrail.training.frozen import Remembered
from finetrail.training.outcome import fit_work
from finetrail.training.steps import Records
from finetrail.training.work import Rows, Work, build
from finetrail.units.units import unheard
from finetrail.workspace import need, read_json

if TYPE_CHECKING:
    from finetrail.targets.learning import Kept, Learning

log = logging.getLogger(__name__)

PLACE = ".labels"
"""The folder beside the checkpoints of the candidates, none of which can have a name with a dot."""
PICKING = 10
"""Of the rows that a model may learn from, every tenth picks its epoch instead."""


@dataclass(frozen=True)
class CrossTraining:
    """The trainings of a candidate without each fold. Attributes: inputs: of all rows, with their targets."""

    given: Given
    known: Examined
    learning: "Learning"
    inputs: Inputs

    def beforehand(self, folds: int) -> str:
        """How long it will take, by how long the candidate's own training took."""
        record = read_json(need(self.given.workspace.run(self.given.candidate).record, "train"))
        return f"{folds} trainings of {self.given.candidate}: about {duration(folds * record['measured']['seconds'])}"

    def kept(self, folds: Sequence[int]) -> "Kept":
        """What is kept of the outputs for each example, by a model that was trained on the other folds.

        A training that was killed goes on from its last checkpoint.

        Args:
            folds: of each row.
        """
        fold_of, remembered = np.array(folds), Remembered()
        found: list[Any] = [None] * len(self.inputs)
        numbers = sorted(set(folds))
        folder = checkpoint_folder(self.given.workspace, PLACE) / self._key(folds)
        for fold in self.given.track(numbers, total=len(numbers), what="training"):
            own = Drawn.of_rows(self.inputs, np.flatnonzero(fold_of == fold).tolist())
            others = np.flatnonzero(fold_of != fold).tolist()
            model = self._trained(others, Checkpoints(folder / str(fold)), remembered)
            with full_precision():
                kept = predict(model, own, self.learning.keep, self._candidate.train.batch_size)
            for place, one in zip(own.places, kept, strict=True):
                found[place] = one
        shutil.rmtree(folder, ignore_errors=True)
        return found

    @property
    def _candidate(self) -> Candidate:
        return self.given.settings.trained_with(seeds=1, processes=1, fsdp=False)

    def _trained(self, others: Sequence[int], checkpoints: Checkpoints, remembered: Remembered) -> Network:
        given, labels, candidate = self.given, self.known.labels, self._candidate
        task, seed = given.built.task, given.pipeline.seed
        picking = others[::PICKING]
        picked = set(picking)
        learnt = [row for row in others if row not in picked] or others
        of_val = [labels[row] for row in picking]
        frames = {"train": self.known.rows, "val": self.known.rows.iloc[list(picking)]}
        rows = Rows(frames, {"train": labels, "val": of_val}, given.built.columns, self.learning)
        built = build(given.workspace, task, candidate, rows, seed)
        contents = [one for row, one in enumerate(self.known.contents) if row in picked]
        val = built.processor.encode(contents, scratch=given.workspace.scratch)
        inputs = {
            "train": Drawn.of_rows(self.inputs, learnt),
            "val": val.labelled(self.learning.encode(of_val, val)),
        }
        work = Work(built, candidate, rows, inputs, [labels[row] for row in learnt], seed)
        resume = checkpoints.newest()
        if resume:
            log.warning("assess.labels: a training resumes after step %d", resume.state["fitted"]["step"])
        fit_work(work, Records(checkpoints, unheard, resume, quiet, last=True), given.workspace.scratch, remembered)
        self.learning.finish(built.model)
        return built.model

    def _key(self, folds: Sequence[int]) -> str:
        """The hash of all that the trainings depend on."""
        given, one = self.given, self._candidate
        task, seed = given.built.task, given.pipeline.seed
        new = task.build(one.backbone, self.learning, given.workspace.root, given.built.columns)
        return hashes.hash_of(
            {
                "code": hashes.hash_code(),
                "settings": settings_of(task.identity, seed, one),
                "weights": hash_tensors(new.model.backbone.state_dict()),
                "rows": [hashes.hash_folder(given.workspace.split(name)) for name in ("train", "val")],
                "folds": list(folds),
            }
        )
