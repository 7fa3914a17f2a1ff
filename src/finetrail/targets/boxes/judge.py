"""How good the boxes that a model found are: COCO's average precision and recall, and F1 of what are answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.evaluation.scores.metric import Metric
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.boxes.codec import BoxCodec
from finetrail.targets.boxes.detections import BoxAnswers, Detections
from finetrail.targets.boxes.facts import Facts, facts_of
from finetrail.targets.boxes.metrics import class_f1s, f1, scores
from finetrail.targets.boxes.reading import boxes_of

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.evaluation.report.section import Section
    from finetrail.targets.boxes.evaluation import BoxEvaluation
    from finetrail.targets.judge import Right
    from finetrail.targets.suspicion import Suspicion

Labels = Sequence[Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class BoxJudge:
    """See `finetrail.targets.judge.Judge`."""

    codec: BoxCodec
    by_group: bool = True

    @property
    def row_error(self) -> Metric:
        return Metric("f1_error", "1 - F1 of an image", lower=True)

    def objects(self, label: Any) -> Sequence[Mapping[str, Any]]:
        """The objects of a label: its boxes, perhaps with masks."""
        found: Sequence[Mapping[str, Any]] = label
        return found

    def decisive(self, facts: Floats) -> Floats:
        """The part of facts that says which answers are right, as `finetrail.targets.boxes.facts` has it."""
        return facts

    def facts(self, labels: Labels, answers: BoxAnswers) -> Floats:
        """What each image adds (n, S); see `finetrail.targets.boxes.facts`."""
        return facts_of(labels, answers, self.codec.classes)

    def scores(self, facts: Floats, drawn: Ints) -> dict[str, Floats]:
        return scores(facts, drawn)

    def right(self, labels: Labels, answers: BoxAnswers) -> None:
        """An image has many boxes, and few images are entirely right."""

    def row_errors(self, labels: Labels, answers: BoxAnswers) -> Floats:
        """What the answers to each image lack of an F1 of 1 (n,)."""
        return 1 - f1(Facts.read(self.decisive(self.facts(labels, answers))), np.eye(len(labels), dtype=np.int64))

    def alike(self, label: Any, other: Any) -> None:
        """Boxes name places in one image: those of two images cannot be compared."""

    def constant(self, labels: Labels) -> BoxAnswers:
        """The mean box of each class, as sure as it is frequent, in every image."""
        means, numbers, shares = [], [], []
        for number, name in enumerate(self.codec.classes):
            boxes = [box[1:5] for label in labels for box in boxes_of(label) if box.label == name]
            if boxes:
                means.append(np.mean(boxes, axis=0))
                numbers.append(number)
                shares.append(sum(any(box["label"] == name for box in label) for label in labels) / len(labels))
        order = np.argsort(-np.array(shares), kind="stable").tolist()
        found = Detections(
            np.array(means, dtype=np.float32).reshape(-1, 4)[order],
            np.array(numbers, dtype=np.int64)[order],
            np.array(shares, dtype=np.float32)[order],
            (1, 1),
        )
        return self.codec.answered([found] * len(labels))

    def rivals(self, asked: SplitRows, known: Callable[[], SplitRows]) -> Mapping[str, BoxAnswers]:
        """The mean boxes of the training images."""
        one = self.constant(known().labels)
        return {
            "the mean box of each class": BoxAnswers(
                [one.found[0]] * len(asked.labels), one.given[:1].repeat(len(asked.labels))
            )
        }

    def by_content(self, asked: SplitRows, answers: BoxAnswers, draws: Draws) -> "list[Section]":
        return []

    def groups(self, labels: Labels, answers: BoxAnswers) -> "Mapping[str, tuple[Right, Floats]]":
        there, values = class_f1s(Facts.read(self.decisive(self.facts(labels, answers))))
        return {
            f"F1 of {name} in an image": (there[:, number], values[:, number])
            for number, name in enumerate(self.codec.classes)
        }

    def errors(self, labels: Labels, answers: BoxAnswers) -> Mapping[str, float]:
        return {}

    def evaluate(
        self, rows: "pd.DataFrame", answers: BoxAnswers, draws: Draws, trained: Mapping[str, Any]
    ) -> "BoxEvaluation":
        from finetrail.targets.boxes.evaluation import evaluate

        return evaluate(self, rows, answers, draws)

    def suspicion(self, labels: Labels, answers: BoxAnswers) -> "Suspicion":
        from finetrail.targets.boxes.suspects import suspects

        return suspects(self, labels, answers)

    def told(self, tested: Mapping[str, Any]) -> list[str]:
        return []

    def limits(self, tested: Mapping[str, Any]) -> list[str]:
        return [
            "It finds only objects of the classes that it has learned, at the sizes that it has seen.",
            "Objects that lie close together may get one box.",
        ]
