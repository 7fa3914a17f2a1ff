"""Everything measured on the boxes that a model found: what stage `test` writes and the report shows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from finetrail.evaluation.scores.bootstrap import Draws, Floats, Interval, Ints, bootstrap, intervals
from finetrail.targets.boxes.detections import BoxAnswers, Detections
from finetrail.targets.boxes.facts import Facts
from finetrail.targets.boxes.judge import BoxJudge, Labels
from finetrail.targets.boxes.kinds import KINDS, Explained, explain
from finetrail.targets.boxes.metrics import by_class, of_area
from finetrail.targets.boxes.reading import Box, boxes_of
from finetrail.targets.boxes.sizes import AREAS

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from finetrail.evaluation.report.gallery import Gallery
    from finetrail.evaluation.report.previews import Preview
    from finetrail.evaluation.report.section import Story

WORST = 50
"""Rows that errors.csv lists."""
_BOTH = ("precision", "recall")


@dataclass(frozen=True)
class OfClass:
    """One class. Attributes: precision, recall: of the answers; curve: recall and precision, the surest box first."""

    name: str
    objects: int
    ap: float
    ap_50: float
    precision: float
    recall: float
    curve: tuple[Floats, Floats]


@dataclass(frozen=True)
class OfSize:
    """The objects of a range of areas. Attributes: value: mAP; recall: AR."""

    name: str
    objects: int
    value: Interval
    recall: Interval


@dataclass(frozen=True)
class DrawnRow:
    """An image with its boxes. Attributes: masks: of those in the data, if any; error: what its F1 lacks of 1."""

    id: str
    actual: tuple[Box, ...]
    masks: tuple[str | None, ...]
    answers: Detections
    explained: Explained
    error: float

    def count(self, kind: str) -> int:
        """How many mistakes of a kind it has."""
        return int(self.explained.missed.sum()) if kind == "missed" else self.explained.kinds.count(kind)


@dataclass(frozen=True)
class BoxEvaluation:
    """See `finetrail.targets.judge.Evaluation`.

    Attributes:
        labels: the classes, by number.
        rows, objects, background: images, objects in them, and images without any.
        kinds: mistakes of all images, by `KINDS`.
        worst: images with mistakes, the worst first.
    """

    labels: tuple[str, ...]
    threshold: float
    rows: int
    objects: int
    background: int
    answers: int
    metrics: Mapping[str, Interval]
    classes: tuple[OfClass, ...]
    sizes: tuple[OfSize, ...]
    kinds: Mapping[str, int]
    worst: tuple[DrawnRow, ...]

    @property
    def more(self) -> Mapping[str, float]:
        sizes = {f"map_{size.name}": size.value.value for size in self.sizes}
        return sizes | {f"errors_{kind}": count for kind, count in self.kinds.items()}

    @property
    def wanted(self) -> set[str]:
        return {row.id for row in self.worst}

    def story(self, gallery: "Gallery") -> "Story":
        from finetrail.targets.boxes.report import tell

        return tell(self, gallery)

    def mistakes(self, previews: "Mapping[str, Preview]") -> "pd.DataFrame":
        import pandas as pd

        found = [
            {
                "id": row.id,
                "objects": len(row.actual),
                "answers": len(row.answers),
                **{kind: row.count(kind) for kind in KINDS},
                "f1": round(1 - row.error, 4),
            }
            for row in self.worst
        ]
        return pd.DataFrame(found, columns=["id", "objects", "answers", *KINDS, "f1"])

    def plots(self) -> "Mapping[str, Markup]":
        from finetrail.targets.boxes.figures import curves_figure, kinds_figure

        return {"precision_recall": curves_figure(self.classes), "mistakes": kinds_figure(self.kinds)}

    def logged(self) -> Mapping[str, float]:
        return {f"test_{name}": value for name, value in self.more.items()}


def evaluate(judge: BoxJudge, rows: "pd.DataFrame", answers: BoxAnswers, draws: Draws) -> BoxEvaluation:
    """Measure one model's answers. Args: rows: id and label of each, n > 0, and group where there are groups."""
    labels, classes = rows["label"].tolist(), judge.codec.classes
    groups = rows["group"].tolist() if "group" in rows and rows["group"].notna().any() else None
    facts = judge.decisive(judge.facts(labels, answers))
    objects = [judge.objects(label) for label in labels]
    found = intervals(judge, labels, answers, draws, groups)
    drawn = _drawn(judge, rows["id"].tolist(), labels, answers)
    kinds = Counter[str]()
    for row in drawn:
        kinds.update({kind: row.count(kind) for kind in KINDS})
    return BoxEvaluation(
        labels=classes,
        threshold=judge.codec.threshold,
        rows=len(labels),
        objects=sum(map(len, objects)),
        background=sum(not len(label) for label in objects),
        answers=int(answers.given.sum()),
        metrics=found,
        classes=_classes(Facts.read(facts), classes),
        sizes=_sizes(judge, labels, answers, draws, groups),
        kinds={kind: kinds[kind] for kind in KINDS},
        worst=tuple(sorted((row for row in drawn if row.error > 0), key=lambda row: (-row.error, row.id))[:WORST]),
    )


def _drawn(judge: BoxJudge, ids: Sequence[str], labels: Labels, answers: BoxAnswers) -> list[DrawnRow]:
    errors = judge.row_errors(labels, answers).tolist()
    objects = map(judge.objects, labels)
    return [
        DrawnRow(
            row,
            tuple(boxes_of(label)),
            tuple(one.get("counts") for one in label),
            given,
            explain(label, given, judge.codec.classes),
            error,
        )
        for row, label, given, error in zip(ids, objects, answers.answers, errors, strict=True)
    ]


def _classes(facts: Facts, names: Sequence[str]) -> tuple[OfClass, ...]:
    precision, _, _ = by_class(facts, np.ones((1, len(facts.objects)), dtype=np.int64), 0)
    objects = facts.objects[:, :, 0].sum(axis=0)
    hit, ignored = facts.masks(0, 0)
    found = []
    for number, name in enumerate(names):
        own = (facts.classes == number) & ~ignored
        right = np.cumsum(hit[own])
        all_ = np.arange(1, len(right) + 1)
        given = own & facts.given
        answered, hits = int(given.sum()), int((given & hit).sum())
        found.append(
            OfClass(
                name,
                int(objects[number]),
                float(precision[0, number].mean()),
                float(precision[0, number, 0]),
                hits / max(1, answered),
                hits / max(1, int(objects[number])),
                (right / max(1, int(objects[number])), right / all_),
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class _BySize:
    """Scores the objects of each range of areas, as `mAP` and `AR` do all. NaN where a resample has none."""

    judge: BoxJudge

    def facts(self, labels: Labels, answers: BoxAnswers) -> Floats:
        return self.judge.decisive(self.judge.facts(labels, answers))

    def scores(self, facts: Floats, drawn: Ints) -> Mapping[str, Floats]:
        found = {size: of_area(facts, drawn, size) for size in AREAS if size != "all"}
        return {
            f"{kind} {size}": values for size, both in found.items() for kind, values in zip(_BOTH, both, strict=True)
        }


def _sizes(
    judge: BoxJudge, labels: Labels, answers: BoxAnswers, draws: Draws, groups: Sequence[object] | None
) -> tuple[OfSize, ...]:
    """The ranges of areas with any object."""
    by_size = _BySize(judge)
    counts = Facts.read(by_size.facts(labels, answers)).objects.sum(axis=(0, 1))
    resampled = bootstrap(by_size, labels, [answers], draws, groups=groups)

    def interval(name: str) -> Interval:
        low, high = np.nanquantile(resampled.draws[name], [(1 - draws.confidence) / 2, (1 + draws.confidence) / 2])
        return Interval(float(resampled.point[name][0]), float(low), float(high))

    return tuple(
        OfSize(name, int(counts[place]), *(interval(f"{kind} {name}") for kind in _BOTH))
        for place, name in enumerate(AREAS)
        if name != "all" and counts[place]
    )
