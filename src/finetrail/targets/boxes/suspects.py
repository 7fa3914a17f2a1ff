"""Boxes that are probably wrong: of another class, missing, or where the model finds nothing.

As in ObjectLab (Tkachenko, Thyagarajan & Mueller 2023), an image is as suspicious as its worst box. The scores of a
detector are no probabilities, so a score counts as the share of the found boxes of its class and score that are right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.evaluation.scores.bootstrap import Floats
from finetrail.targets.boxes.detections import BoxAnswers, Detections
from finetrail.targets.boxes.facts import Facts
from finetrail.targets.boxes.judge import BoxJudge, Labels
from finetrail.targets.boxes.kinds import NEAR
from finetrail.targets.boxes.matching import OVERLAPS
from finetrail.targets.boxes.overlap import overlaps
from finetrail.targets.boxes.reading import Annotation, Box, boxes_of
from finetrail.targets.suspicion import Suspicion

Ints = NDArray[np.int64]
Masks = NDArray[np.bool_]
LIKELY = 0.5
"""The share of right boxes from which a found box vouches for the label's, or is suggested."""
SURE = 0.9
"""The share from which it shows that the label is wrong. The boxes of a poor detector never do."""


@dataclass(frozen=True)
class _Beside:
    """The boxes of a label beside those that a model found.

    Attributes:
        classes: of the label's boxes (m,); -1 for a crowd, of which nothing is known.
        shared: their overlaps with the found boxes (n, m).
        there, same: where they have the same place, and the same class (n, m).
        first: which found boxes no surer one overlaps (n,).
    """

    drawn: list[Box]
    classes: Ints
    found: Detections
    shared: Floats
    there: Masks
    same: Masks
    first: Masks

    def vouched(self, likely: Floats) -> Floats:
        """How likely the likeliest found box in the place and of the class of each of the label's is (m,)."""
        found: Floats = np.where(self.there & self.same, likely[:, None], 0.0).max(axis=0, initial=0.0)
        return found

    def of_other_class(self, likely: Floats, named: Floats) -> Floats:
        """How surely each box of the label has another class (m,). Args: named: see `suspects`."""
        others = np.where(self.there & ~self.same & (self.classes >= 0), named[:, None], 0.0)
        found: Floats = others.max(axis=0, initial=0.0) * (1 - self.vouched(likely))
        return found

    def missing(self, likely: Floats) -> Floats:
        """How surely each found box is one that the label lacks (n,)."""
        return np.where(self.first & ~self.there.any(axis=1), likely, 0.0)


def suspects(judge: BoxJudge, labels: Labels, answers: BoxAnswers) -> Suspicion:
    """The quality of each image's boxes; the suggestion mends what is probably wrong, and leaves all other boxes."""
    names = judge.codec.classes
    images = [_beside(label, one, names) for label, one in zip(labels, answers.found, strict=True)]
    facts = Facts.read(judge.facts(labels, answers))
    hit, _ = facts.masks(0, 0)
    right = _Shares(facts.scores, facts.classes, hit)
    # Of the found boxes that lie on one of a label, whatever its class: those of its class.
    named = _Shares(*map(np.concatenate, zip(*map(_on_labels, images), strict=True)))
    quality, flagged, suggestions = np.ones(len(images)), np.zeros(len(images), dtype=np.bool_), []
    found = [image.vouched(image.found.scores.astype(np.float64)) for image in images]
    of_all, known = np.concatenate(found), np.concatenate([image.classes for image in images])
    for row, image in enumerate(images):
        likely = right.at(image.found)
        # The share of the boxes of a class that are found more surely.
        surer = np.array(
            [(of_all[known == number] > score).mean() for number, score in zip(image.classes, found[row], strict=True)]
        )
        unfound = np.where(image.classes >= 0, surer * (1 - image.vouched(likely)), 0.0)
        doubts = (image.of_other_class(likely, named.at(image.found)), image.missing(likely), unfound)
        quality[row] = 1 - max(one.max(initial=0.0) for one in doubts)
        suggestions.append(_mended(image, likely, LIKELY, names))
        flagged[row] = _mended(image, likely, SURE, names) is not None
    return Suspicion(quality, flagged, suggestions)


class _Shares:
    """The share of boxes with a property, by class and score: the higher the score, the more.

    Args:
        scores, classes, having: of boxes (N,).
    """

    def __init__(self, scores: Floats, classes: Ints, having: Masks) -> None:
        from sklearn.isotonic import IsotonicRegression

        self._of = {
            int(number): IsotonicRegression(out_of_bounds="clip").fit(
                scores[classes == number], having[classes == number].astype(np.float64)
            )
            for number in np.unique(classes)
        }

    def at(self, found: Detections) -> Floats:
        """For found boxes (n,)."""
        shares = np.zeros(len(found))
        for number in np.unique(found.classes):
            if int(number) in self._of:
                own = found.classes == number
                shares[own] = self._of[int(number)].predict(found.scores[own].astype(np.float64))
        return shares


def _beside(label: Sequence[Mapping[str, Any]], found: Detections, names: Sequence[str]) -> _Beside:
    drawn = boxes_of(label)
    crowd = np.array([box.crowd for box in drawn], dtype=np.bool_)
    classes = np.array([-1 if box.crowd else names.index(box.label) for box in drawn], dtype=np.int64)
    boxes = found.boxes.astype(np.float64)
    shared = overlaps(boxes, np.array([box[1:5] for box in drawn], dtype=np.float64).reshape(-1, 4), crowd)
    twice = overlaps(boxes, boxes, np.zeros(len(boxes), np.bool_)) >= OVERLAPS[0]
    same, first = found.classes[:, None] == classes[None, :], ~np.tril(twice, -1).any(axis=1)
    return _Beside(drawn, classes, found, shared, shared >= OVERLAPS[0], same, first)


def _on_labels(image: _Beside) -> tuple[Floats, Ints, Masks]:
    """Score and class of the found boxes that lie on one of the label, and whether it has that class (k,)."""
    on = np.flatnonzero((image.there & (image.classes >= 0)).any(axis=1))
    under = np.where(image.classes >= 0, image.shared, -1.0)[on].argmax(axis=1) if len(on) else on
    return image.found.scores[on].astype(np.float64), image.found.classes[on], image.same[on, under]


def _mended(image: _Beside, likely: Floats, least: float, names: Sequence[str]) -> Annotation | None:
    """The label with the likely found boxes that it lacks, and with their classes; None where it has them."""
    boxes, added = list(image.drawn), list[Box]()
    kept = (image.vouched(likely) >= LIKELY) | (image.classes < 0)
    for place in np.flatnonzero((likely >= least) & image.first).tolist():
        there, same, shared = image.there[place], image.same[place], image.shared[place]
        new = Box(names[image.found.classes[place]], *image.found.boxes[place].tolist())
        if (there & same).any():
            continue
        wrong = ~kept & (there if there.any() else same & (shared >= NEAR))
        if wrong.any():
            at = int(np.where(wrong, shared, -1.0).argmax())
            boxes[at] = boxes[at]._replace(label=new.label) if there.any() else new
            kept[at] = True
        elif not there.any():
            added.append(new)
    return Annotation.of([*boxes, *added]) if added or boxes != image.drawn else None
