"""Section `distillation` of a candidate: it learns from the answers of a teacher (Hinton et al. 2015)."""

import re
from pathlib import PurePosixPath
from typing import ClassVar, Literal

from pydantic import Field

from finetrail.settings import Settings


class Distillation(Settings):
    """What a candidate, the student, learns from a larger or better model of the same classes.

    The loss is `(1 - alpha)` times that of the labels plus `alpha` times `temperature ** 2` times the Kullback-Leibler
    divergence of the student's answers from the teacher's, both softened by the temperature.

    Attributes:
        teacher: a folder in data/weights with a model of finetrail.
        rows: a name in section `unlabelled`: the teacher answers these rows too; null: the training rows alone.
        temperature: what the logits of both are divided by before they become probabilities.
        alpha: the share of the teacher in the loss.
        start: the student's first weights: those of its `pretrained` backbone, or those of the `teacher`, of which the
            student may have fewer layers (Sanh et al. 2019).
        needs: what it needs of labels; see `finetrail.targets.target.Target.offers`.
    """

    teacher: str
    rows: str | None = None
    temperature: float = Field(2.0, gt=0)
    alpha: float = Field(0.5, gt=0, le=1)
    start: Literal["pretrained", "teacher"] = "pretrained"

    needs: ClassVar[frozenset[str]] = frozenset({"soft labels"})

    def refuse_elsewhere(self, where: str) -> None:
        """Raise ValueError for a teacher that is not in data/weights.

        An alias of the registry moves, and DVC cannot train one candidate after another.

        Args:
            where: the section, for the message.
        """
        parts = PurePosixPath(self.teacher).parts
        if parts[:2] == ("data", "weights") and len(parts) > 2 and ".." not in parts:
            return
        model = self.teacher if "/" in self.teacher else f"data/models/{self.teacher}"
        folder = f"data/weights/{re.split('[/:@]', self.teacher.rstrip('/'))[-1]}"
        raise ValueError(
            f"{where}.teacher {self.teacher!r} is not in data/weights/, where DVC would notice a change; `finetrail "
            f"export {folder} --model {model} --format finetrail` puts a model there, and `dvc add {folder}` tracks it"
        )
