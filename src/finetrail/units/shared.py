"""What trainings on the same rows share: the rows, the encoded inputs, the features of a frozen backbone."""

from dataclasses import replace
from importlib.metadata import version
from typing import Any

import torch

from finetrail.models.inputs import Inputs
from finetrail.models.weights import hash_tensors
from finetrail.progress import quiet
from finetrail.runs import hashes
from finetrail.tasks.task import Task
from finetrail.training.candidate import Candidate
from finetrail.training.frozen import Remembered
from finetrail.training.settings import Training
from finetrail.training.work import SPLITS, Rows, encode, new_model, read_rows
from finetrail.workspace import Workspace

KEPT = 4
"""Encodings of the rows that are held at once: a search may try several lengths or sizes in turn."""


class Shared:
    """The rows of train and val, read once, and encoded once for each way in which a candidate reads them.

    Args:
        settings: section `train` of any of the candidates.
        seed: any one; equal seeds give equal hashes.

    Attributes:
        identity: all that the trainings depend on besides their settings and weights, hashed, by name.
        remembered: the features of the last frozen backbone.
    """

    def __init__(self, workspace: Workspace, task: Task, settings: Training, seed: int) -> None:
        self._workspace, self._task, self._seed = workspace, task, seed
        self._rows = read_rows(workspace, task, settings)
        self._weights: dict[str, str] = {}
        self._encoded: dict[str, tuple[Any, dict[str, Inputs]]] = {}
        self.remembered = Remembered()
        self.identity = {
            "code": hashes.hash_code(),
            "torch": torch.__version__,
            "peft": version("peft"),
            **{f"data.{split}": hashes.hash_folder(workspace.split(split)) for split in SPLITS},
        }

    def rows(self, candidate: Candidate) -> Rows:
        """The rows, and what this candidate learns from their labels."""
        return replace(self._rows, learning=self._task.target.learn(self._rows.labels["train"], candidate.train))

    def weights(self, candidate: Candidate) -> str:
        """The hash of its weights before they are adapted. What adds to them depends on the code, torch and peft."""
        key = self._key(candidate)
        if key not in self._weights:
            model = new_model(self._workspace, self._task, candidate, self.rows(candidate), self._seed).model
            self._weights[key] = hash_tensors(model.state_dict())
        return self._weights[key]

    def beside(self, candidate: Candidate) -> dict[str, str]:
        """The hashes of what it learns from beside the labelled rows: of those without labels, and of its teacher."""
        rows, asked = candidate.unlabelled, candidate.distillation
        found = {} if rows is None else {"data.unlabelled": hashes.hash_folder(self._workspace.unlabelled(rows))}
        return found if asked is None else found | {"teacher": hashes.hash_folder(self._workspace.root / asked.teacher)}

    def inputs(self, candidate: Candidate) -> dict[str, Inputs]:
        """The rows of each split as this candidate reads them: they depend on no seed."""
        return self._read(candidate)[1]

    def processor(self, candidate: Candidate) -> Any:
        """The processor that has read them. A tokenizer is saved with how it was used last, so a model needs this."""
        return self._read(candidate)[0]

    def _read(self, candidate: Candidate) -> tuple[Any, dict[str, Inputs]]:
        key = self._key(candidate)
        if key not in self._encoded:
            while len(self._encoded) >= KEPT:
                del self._encoded[next(iter(self._encoded))]
            rows = self.rows(candidate)
            built = new_model(self._workspace, self._task, candidate, rows, self._seed)
            inputs = encode(self._workspace, built, rows, candidate, quiet)
            self._encoded[key] = built.processor, inputs
        return self._encoded[key]

    def _key(self, candidate: Candidate) -> str:
        """All settings that may change how rows are read: not those of the training loop, which reads none."""
        train: dict[str, Any] = candidate.train.model_dump(exclude=set(Training.model_fields))
        asked = candidate.distillation
        beside = [candidate.unlabelled, *([asked.teacher, asked.start] if asked is not None else [])]
        return hashes.hash_of(
            {"backbone": candidate.backbone.model_dump(mode="json"), "train": train, "beside": beside}
        )
