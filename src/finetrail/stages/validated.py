"""What a validator judges a model by: its answers and features in the other domain, of which no label is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.data.store.shards import Contents
from finetrail.errors import WorkspaceError
from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.evaluation.shift.classifier import FOLDS
from finetrail.evaluation.shift.importance import importance
from finetrail.evaluation.validators.validator import Validator
from finetrail.progress import Track, quiet
from finetrail.serving.answer import BATCH, answers_to
from finetrail.targets.codec import refuse_broken
from finetrail.targets.results import REMEDY

if TYPE_CHECKING:
    from finetrail.tasks.task import Built


@dataclass(frozen=True)
class Sides:
    """The rows that a validator reads.

    Attributes:
        val: the folder of the validation split; labels: of its rows.
        others: the folder of the rows without labels.
        seed: of the folds of a classifier that tells the two apart.
    """

    val: Path
    labels: Sequence[Any]
    others: Path
    scratch: Path
    seed: int

    def material(self, validator: Validator, built: "Built", track: Track = quiet) -> Floats:
        """The `answers` of `Validator.facts`, of one model.

        Raises:
            ModelError: an answer is NaN or infinite.
            WorkspaceError: a side has too few rows to be weighed.
        """
        if not validator.weighs:
            return self._chances(built, self.others, track)
        own, others = (self._features(built, folder, track) for folder in (self.val, self.others))
        fewest = min(len(own), len(others))
        if fewest < FOLDS:
            raise WorkspaceError(
                f"selection.validator weighs rows by a classifier, which needs {FOLDS} rows of val and of "
                f"unlabelled.{validator.rows}, but one has {fewest}; give it more rows, or use another method"
            )
        codec: Any = built.codec
        right = self._chances(built, self.val, track).argmax(axis=1) == codec.numbers(self.labels)
        return np.stack([importance(own, others, self.seed), right.astype(np.float64)], axis=1)

    def _chances(self, built: "Built", folder: Path, track: Track) -> Floats:
        codec: Any = built.codec
        contents = Contents(folder, built.task.content.name)
        answers = answers_to(built, contents, scratch=self.scratch, track=track, what=f"answering {folder.name}")
        refuse_broken(codec, answers, f"a candidate, asked about {folder.name},", REMEDY)
        found: Floats = codec.chances(answers)
        return found

    def _features(self, built: "Built", folder: Path, track: Track) -> Floats:
        from finetrail.inference.features import compute_features

        inputs = built.processor.encode(Contents(folder, built.task.content.name), scratch=self.scratch)
        found: Any = compute_features(built.model, inputs, BATCH, track, self.scratch)
        return np.asarray(found.values, dtype=np.float64)
