"""How good the masks of objects that a model found are: COCO's average precision by their pixels and their boxes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Ints
from finetrail.evaluation.slices import SplitRows
from finetrail.targets.boxes.detections import BoxAnswers, Detections
from finetrail.targets.boxes.facts import facts_of
from finetrail.targets.boxes.judge import BoxJudge
from finetrail.targets.boxes.metrics import scores
from finetrail.targets.instances.objects import filled, label_of, objects_of
from finetrail.targets.suspicion import Suspicion

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.targets.instances.evaluation import InstanceEvaluation

Labels = Sequence[Any]
DOUBTFUL = 0.5
"""The F1 below which a label is probably wrong."""


@dataclass(frozen=True)
class InstanceJudge(BoxJudge):
    """See `finetrail.targets.judge.Judge`. An answer is right by its mask."""

    def objects(self, label: Any) -> Sequence[Mapping[str, Any]]:
        return objects_of(label, self.codec.classes)

    def facts(self, labels: Labels, answers: BoxAnswers) -> Floats:
        """What each image adds (n, 2 S): first by masks, then by boxes."""
        objects = [self.objects(label) for label in labels]
        boxes = BoxAnswers([replace(one, masks=None) for one in answers.found], answers.given)
        halves = [facts_of(objects, found, self.codec.classes) for found in (answers, boxes)]
        return np.concatenate(halves, axis=1)

    def decisive(self, facts: Floats) -> Floats:
        return facts[:, : facts.shape[1] // 2]

    def scores(self, facts: Floats, drawn: Ints) -> dict[str, Floats]:
        masks, boxes = (scores(half, drawn) for half in np.split(facts, 2, axis=1))
        by_box = {name: boxes[name] for name in ("map_50", "map")}
        return {"f1": masks["f1"], **by_box, **{f"mask_{name}": masks[name] for name in masks if name != "f1"}}

    def constant(self, labels: Labels) -> BoxAnswers:
        """The mean box of each class, as sure as it is frequent, with all of its pixels, in every image."""
        return self._filled(labels, labels)

    def rivals(self, asked: SplitRows, known: Callable[[], SplitRows]) -> Mapping[str, BoxAnswers]:
        return {"the mean box of each class": self._filled(known().labels, asked.labels)}

    def _filled(self, known: Labels, labels: Labels) -> BoxAnswers:
        """The mean boxes of some labels in the images of others."""
        objects = [[one for one in self.objects(label) if not one["crowd"]] for label in known]
        mean: Detections = super().constant(objects).found[0]
        return self.codec.answered([filled(mean, (label["width"], label["height"])) for label in labels])

    def evaluate(
        self, rows: "pd.DataFrame", answers: BoxAnswers, draws: Draws, trained: Mapping[str, Any]
    ) -> "InstanceEvaluation":
        from finetrail.targets.instances.evaluation import InstanceEvaluation

        return InstanceEvaluation(**vars(super().evaluate(rows, answers, draws, trained)))

    def suspicion(self, labels: Labels, answers: BoxAnswers) -> Suspicion:
        """The quality of a label is its F1 with the answer; below `DOUBTFUL` the answer is suggested instead."""
        quality = 1 - self.row_errors(labels, answers)
        doubtful = quality < DOUBTFUL
        pairs = zip(answers.answers, doubtful.tolist(), strict=True)
        return Suspicion(quality, doubtful, [label_of(one, self.codec.classes) if bad else None for one, bad in pairs])
