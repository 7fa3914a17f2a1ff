"""How the boxes that a model found are written down: all of them in files, those that are sure enough as answers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finetrail.data.shown import for_markdown
from finetrail.errors import RefusedError
from finetrail.targets.boxes.detections import BoxAnswers, Detections
from finetrail.targets.boxes.overlap import Floats, overlaps
from finetrail.targets.boxes.reading import CORNERS, Annotation, Box

if TYPE_CHECKING:
    import pandas as pd

    from finetrail.models.placements import Placements
    from finetrail.targets.boxes.judge import BoxJudge

MOST_SHOWN = 60
SAME = 0.5
"""The overlap from which two models found the same object."""


@dataclass(frozen=True)
class BoxCodec:
    """See `finetrail.targets.codec.Codec`.

    Attributes:
        classes: by number.
        detector, pyramid_width, tower: see `finetrail.targets.boxes.settings.BoxTraining`.
        threshold: the least score of an answer.
    """

    classes: tuple[str, ...]
    detector: str = "fcos"
    pyramid_width: int = 128
    tower: int = 2
    threshold: float = 0.5

    @property
    def outputs(self) -> list[str]:
        return list(self.classes)

    @property
    def judge(self) -> "BoxJudge":
        from finetrail.targets.boxes.judge import BoxJudge

        return BoxJudge(self)

    @property
    def kinds(self) -> Mapping[str, str]:
        corners = ", ".join(f"{corner}: double" for corner in CORNERS)
        return {"objects": f"list[{{label: string, score: double, {corners}}}]"}

    @property
    def scales(self) -> None:
        return None

    def described(self) -> dict[str, Any]:
        return asdict(self) | {"classes": list(self.classes)}

    def answered(self, found: Sequence[Detections]) -> BoxAnswers:
        """The answers that found boxes mean."""
        given = [int((one.scores >= np.float32(self.threshold)).sum()) for one in found]
        return BoxAnswers(found, np.array(given, dtype=np.int64))

    def unknown(self, labels: Sequence[Any]) -> str:
        others = sorted({box["label"] for label in labels for box in label} - set(self.classes))
        return f"class {others[0]!r}, which is none of the {len(self.classes)}" if others else ""

    def broken(self, answers: BoxAnswers) -> NDArray[np.bool_]:
        finite = [np.isfinite(one.boxes).all() and np.isfinite(one.scores).all() for one in answers.found]
        return ~np.array(finite, dtype=np.bool_)

    def columns(self, answers: BoxAnswers) -> dict[str, Any]:
        corners = {name: [one.boxes[:, at] for one in answers.found] for at, name in enumerate(CORNERS)}
        return {
            "width": [one.size[0] for one in answers.found],
            "height": [one.size[1] for one in answers.found],
            "classes": [one.classes for one in answers.found],
            "scores": [one.scores for one in answers.found],
            **corners,
        }

    def read(self, frame: "pd.DataFrame") -> BoxAnswers:
        needed = ("width", "height", "classes", "scores", *CORNERS)
        missing = [name for name in needed if name not in frame]
        if missing:
            raise ValueError(f"it has no column {missing[0]!r}")
        found = []
        for width, height, classes, scores, *corners in zip(*(frame[name].tolist() for name in needed), strict=True):
            boxes = np.stack([np.asarray(one, dtype=np.float32) for one in corners], axis=1)
            numbers = np.asarray(classes, dtype=np.int64)
            if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self.classes):
                raise ValueError(f"it holds class {numbers.max()}, of {len(self.classes)} counted from 0")
            found.append(Detections(boxes, numbers, np.asarray(scores, dtype=np.float32), (int(width), int(height))))
        return self.answered(found)

    def say(self, answers: BoxAnswers) -> dict[str, Any]:
        return {"objects": [self._said(one) for one in answers.answers]}

    def _said(self, found: Detections) -> list[dict[str, Any]]:
        return [
            {"label": self.classes[number], "score": score, **dict(zip(CORNERS, box, strict=True))}
            for number, score, box in zip(
                found.classes.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True
            )
        ]

    def heard(self, said: Mapping[str, Sequence[Any]], known: BoxAnswers) -> BoxAnswers:
        found = []
        for objects, one, count in zip(said["objects"], known.found, known.given.tolist(), strict=True):
            if list(objects) == self._said(one.where(slice(0, count))):
                found.append(one)
                continue
            strange = next((box["label"] for box in objects if box["label"] not in self.classes), None)
            if strange is not None:
                raise ValueError(f"it names {strange!r}, which is none of the {len(self.classes)} classes")
            found.append(self._heard(objects, one.size).joined(one.where(slice(count, None))))
        return self.answered(found)

    def _heard(self, objects: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> Detections:
        """The boxes that `_said` said."""
        boxes = np.array([[box[name] for name in CORNERS] for box in objects], dtype=np.float32).reshape(-1, 4)
        classes = np.array([self.classes.index(box["label"]) for box in objects], dtype=np.int64)
        return Detections(boxes, classes, np.array([box["score"] for box in objects], dtype=np.float32), size)

    def confidence(self, answers: BoxAnswers) -> Floats:
        """The mean score of the answers; where there is none, how sure it is of no box."""
        sure = [
            float(one.scores[:count].mean()) if count else 1 - float(one.scores[:1].sum())
            for one, count in zip(answers.found, answers.given.tolist(), strict=True)
        ]
        return np.array(sure, dtype=np.float64)

    def apart(self, one: BoxAnswers, other: BoxAnswers) -> Floats:
        """The largest difference of a score, or of a corner as a share of the longer side; see `Detections.apart`."""
        return np.array([mine.apart(yours) for mine, yours in zip(one.found, other.found, strict=True)])

    @property
    def differing(self) -> str:
        return "other boxes"

    def differ(self, one: BoxAnswers, other: BoxAnswers, theirs: "BoxCodec") -> NDArray[np.bool_]:
        pairs = zip(one.answers, other.answers, strict=True)
        return np.array([_differs(self, mine, theirs, yours) for mine, yours in pairs], dtype=np.bool_)

    def scale(self, answers: BoxAnswers) -> float:
        return 1.0

    def shown(self, answers: BoxAnswers, row: int) -> str:
        boxes = self._boxes(answers.answers[row])
        return f"({len(boxes)} boxes: {'; '.join(map(str, boxes[:2]))}{' ...' if len(boxes) > 2 else ''})"

    def refuse_others(self, champion: "BoxCodec") -> None:
        """Raise RefusedError if the champion knows other classes than this challenger."""
        more, less = sorted({*self.classes} - {*champion.classes}), sorted({*champion.classes} - {*self.classes})
        if more or less:
            who, name = ("challenger", more[0]) if more else ("champion", less[0])
            raise RefusedError(f"their classes differ: only the {who} knows {name!r}")

    def aligned(self, answers: BoxAnswers, own: "BoxCodec") -> BoxAnswers:
        numbers = np.array([own.classes.index(name) for name in self.classes], dtype=np.int64)
        found = [replace(one, classes=numbers[one.classes]) for one in answers.found]
        return BoxAnswers(found, answers.given)

    def back(self, answers: BoxAnswers, moved: "Sequence[Placements]") -> BoxAnswers:
        """See `finetrail.targets.codec.Placing`."""
        pairs = zip(answers.found, moved, strict=True)
        return BoxAnswers([one.back(placed) for one, placed in pairs], answers.given)

    def label(self, answers: BoxAnswers, row: int) -> Annotation:
        """See `finetrail.targets.codec.Placing`."""
        return Annotation.of(self._boxes(answers.answers[row]))

    def _boxes(self, found: Detections) -> list[Box]:
        pairs = zip(found.classes.tolist(), found.boxes.tolist(), strict=True)
        return [Box(self.classes[number], *box) for number, box in pairs]

    def snippet(self, names: str) -> str:
        return "print(logits.shape)"

    def about(self) -> list[str]:
        shown = ", ".join(map(for_markdown, self.classes[:MOST_SHOWN]))
        more = " and more" if len(self.classes) > MOST_SHOWN else ""
        answer = f"An answer is a box with its class and a score of at least {self.threshold:.3g}."
        edges = "Its edges are in pixels of the upright image."
        return [f"Classes of objects ({len(self.classes)}): {shown}{more}. {answer} {edges}"]


def _differs(codec: BoxCodec, one: Detections, theirs: BoxCodec, other: Detections) -> bool:
    """Whether two answers name other objects: a box of one that has no partner of its class in the other."""
    if len(one) != len(other):
        return True
    shared = overlaps(one.boxes.astype(np.float64), other.boxes.astype(np.float64), np.zeros(len(other), np.bool_))
    names = [codec.classes[number] for number in one.classes], [theirs.classes[number] for number in other.classes]
    same = (shared >= SAME) & (np.array(names[0])[:, None] == np.array(names[1])[None, :])
    for row in same:
        partners = np.flatnonzero(row)
        if not len(partners):
            return True
        same[:, partners[0]] = False
    return False
