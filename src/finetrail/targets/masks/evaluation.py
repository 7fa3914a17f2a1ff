"""Everything measured on the masks that a model found: what stage `test` writes and the report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Interval, Ints, intervals
from finetrail.targets.masks.answers import MaskAnswers
from finetrail.targets.masks.judge import Labels, MaskJudge
from finetrail.targets.masks.raster import numbers_of
from finetrail.targets.masks.scores import by_class, confusion_of, image_ious, nearest

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.report.section import Story

WORST = 50
"""Rows that errors.csv lists."""


@dataclass(frozen=True)
class OfClass:
    """One class. Attributes: pixels: in the labels; images: whose labels have it."""

    name: str
    pixels: int
    images: int
    iou: float
    dice: float
    precision: float
    recall: float
    boundary_f1: float


@dataclass(frozen=True)
class DrawnRow:
    """An image with its masks. Attributes: error: what its mean IoU lacks of 1; confusion: of its pixels (K, K)."""

    id: str
    actual: Mapping[str, Any]
    answer: Mapping[str, Any]
    error: float
    confusion: Ints

    @property
    def right(self) -> float:
        """The share of its pixels that got their class."""
        return float(np.trace(self.confusion) / max(1, self.confusion.sum()))


@dataclass(frozen=True)
class MaskEvaluation:
    """See `finetrail.targets.judge.Evaluation`.

    Attributes:
        labels: the classes, by number.
        confusion: pixels of each class that got which (K, K).
        worst: images with wrong pixels, the worst first.
    """

    labels: tuple[str, ...]
    rows: int
    metrics: Mapping[str, Interval]
    classes: tuple[OfClass, ...]
    confusion: Ints
    worst: tuple[DrawnRow, ...]

    @property
    def more(self) -> Mapping[str, float]:
        return {}

    @property
    def wanted(self) -> set[str]:
        return {row.id for row in self.worst}

    def story(self, gallery: "Gallery") -> "Story":
        from finetrail.targets.masks.report import tell

        return tell(self, gallery)

    def mistakes(self, previews: "Mapping[str, Preview]") -> "pd.DataFrame":
        import pandas as pd

        found = [
            {"id": row.id, "mean_iou": round(1 - row.error, 4), "pixel_accuracy": round(row.right, 4)}
            for row in self.worst
        ]
        return pd.DataFrame(found, columns=["id", "mean_iou", "pixel_accuracy"])

    def plots(self) -> "Mapping[str, Markup]":
        from finetrail.targets.classes.figures import confusion_figure

        return {"confusion": confusion_figure(self.confusion, self.labels, "pixels")}

    def logged(self) -> Mapping[str, float]:
        return {}


def evaluate(judge: MaskJudge, rows: "pd.DataFrame", answers: MaskAnswers, draws: Draws) -> MaskEvaluation:
    """Measure one model's answers. Args: rows: id and label of each, n > 0."""
    labels, classes = rows["label"].tolist(), judge.codec.classes
    groups = rows["group"].tolist() if "group" in rows and rows["group"].notna().any() else None
    facts = judge.facts(labels, answers)
    drawn = _drawn(classes, rows["id"].tolist(), labels, answers, (1 - image_ious(facts)).tolist())
    found = by_class(facts, np.ones((1, len(facts)), dtype=np.int64))
    images = (facts[:, len(classes) : 2 * len(classes)] > 0).sum(axis=0)
    columns = (found.pixels, images[None], found.iou, found.dice, found.precision, found.recall, found.boundary)
    return MaskEvaluation(
        labels=classes,
        rows=len(labels),
        metrics=intervals(judge, labels, answers, draws, groups),
        classes=tuple(
            OfClass(name, int(pixels), int(count), *map(float, values))
            for name, pixels, count, *values in zip(classes, *(column[0] for column in columns), strict=True)
        ),
        confusion=np.sum([row.confusion for row in drawn], axis=0),
        worst=tuple(sorted((row for row in drawn if row.error > 0), key=lambda row: (-row.error, row.id))[:WORST]),
    )


def _drawn(
    classes: Sequence[str], ids: Sequence[str], labels: Labels, answers: MaskAnswers, errors: Sequence[float]
) -> list[DrawnRow]:
    found = []
    for row, label, mask, error in zip(ids, labels, answers.masks, errors, strict=True):
        answer = nearest(numbers_of(mask, classes), label["width"], label["height"])
        confusion = confusion_of(numbers_of(label, classes), answer, len(classes))
        found.append(DrawnRow(row, label, mask, error, confusion))
    return found
