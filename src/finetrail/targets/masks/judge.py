"""How good the masks that a model found are: IoU, Dice, accuracy and boundary F1."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.logits import table_per_label
from finetrail.targets.masks.answers import MaskAnswers
from finetrail.targets.masks.codec import MaskCodec
from finetrail.targets.masks.raster import numbers_of
from finetrail.targets.masks.scores import class_ious, image_facts, image_ious, nearest, scores

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.evaluation.report.section import Section
    from finetrail.targets.masks.evaluation import MaskEvaluation
    from finetrail.targets.suspicion import Suspicion

Labels = Sequence[Mapping[str, Any]]
Right = NDArray[np.bool_]
GOOD = 0.5
"""The IoU from which the gate counts a class of an image as found."""


@dataclass(frozen=True)
class MaskJudge:
    """See `finetrail.targets.judge.Judge`. All metrics are sums over images, or come from some."""

    codec: MaskCodec
    by_group: bool = True

    @property
    def row_error(self) -> Metric:
        return Metric("iou_error", "1 - mean IoU of an image", lower=True)

    def facts(self, labels: Labels, answers: MaskAnswers) -> Floats:
        """What each image adds (n, S); see `finetrail.targets.masks.scores.image_facts`."""
        classes = self.codec.classes
        found = np.zeros((len(labels), 5 * len(classes)))
        for row, label, mask in zip(found, labels, answers.masks, strict=True):
            answer = nearest(numbers_of(mask, classes), label["width"], label["height"])
            row[:] = image_facts(numbers_of(label, classes), answer, len(classes))
        return found

    def scores(self, facts: Floats, drawn: Ints) -> dict[str, Floats]:
        return scores(facts, drawn)

    def right(self, labels: Labels, answers: MaskAnswers) -> None:
        """An image has many pixels, and none is entirely right."""

    def row_errors(self, labels: Labels, answers: MaskAnswers) -> Floats:
        """What the mean IoU of each image lacks of 1 (n,)."""
        return 1 - image_ious(self.facts(labels, answers))

    def alike(self, label: Any, other: Any) -> None:
        """Masks name places in one image: those of two images cannot be compared."""

    def constant(self, labels: Labels) -> MaskAnswers:
        """The commonest class in every pixel."""
        from finetrail.targets.masks.rivals import commonest

        return commonest(self.codec, labels, labels)

    def rivals(self, asked: SplitRows, known: Callable[[], SplitRows]) -> Mapping[str, MaskAnswers]:
        from finetrail.targets.masks.rivals import rivals

        return rivals(self.codec, asked, known())

    def by_content(self, asked: SplitRows, answers: MaskAnswers, draws: Draws) -> "list[Section]":
        return []

    def groups(self, labels: Labels, answers: MaskAnswers) -> Mapping[str, tuple[Right, Right]]:
        there, ious = class_ious(self.facts(labels, answers))
        return {
            f"images in which {name} has an IoU of {GOOD}": (there[:, number], ious[:, number] >= GOOD)
            for number, name in enumerate(self.codec.classes)
        }

    def errors(self, labels: Labels, answers: MaskAnswers) -> Mapping[str, float]:
        return {}

    def evaluate(
        self, rows: "pd.DataFrame", answers: MaskAnswers, draws: Draws, trained: Mapping[str, Any]
    ) -> "MaskEvaluation":
        from finetrail.targets.masks.evaluation import evaluate

        return evaluate(self, rows, answers, draws)

    def suspicion(self, labels: Labels, answers: MaskAnswers) -> "Suspicion":
        from finetrail.targets.masks.suspects import suspects

        return suspects(self, labels, answers)

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        columns = (("IoU", "iou"), ("Dice", "dice"), ("boundary F1", "boundary_f1"))
        return table_per_label(tested.get("per_class", {}), columns, "pixels")

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        return [
            "It gives every pixel one of its classes, even where none of them fits.",
            "What is thinner than a few pixels of the size that it sees may be lost.",
        ]
