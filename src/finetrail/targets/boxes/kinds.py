"""What is wrong with the answers to images, in the kinds of TIDE (Bolya et al., ECCV 2020).

A box that is no hit is of the wrong class, out of place, both, a duplicate of a better one, or on the background; an
object that no box explains is missed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetrail.targets.boxes.detections import Detections
from finetrail.targets.boxes.matching import OVERLAPS, Objects, match, objects_of, shared_areas
from finetrail.targets.boxes.reading import boxes_of

KINDS: Mapping[str, str] = {
    "class": "in its place, of another class",
    "place": "of its class, out of place",
    "both": "out of place and of another class",
    "duplicate": "of an object that a surer box found",
    "background": "where no object is",
    "missed": "an object that no box explains",
}
NEAR = 0.1
"""The overlap below which a box has nothing to do with an object."""


@dataclass(frozen=True)
class Explained:
    """The boxes of an image. Attributes: kinds: of each answer, "" for a hit (n,); missed: objects, by place (m,)."""

    kinds: list[str]
    missed: NDArray[np.bool_]


def explain(label: Sequence[Mapping[str, Any]], answers: Detections, classes: Sequence[str]) -> Explained:
    """Tell what is wrong with the answers to an image."""
    drawn = boxes_of(label)
    objects = Objects.of(label)
    hit = np.zeros(len(answers), np.bool_)
    for number, of_class in enumerate(objects_of(label, classes)[:-1]):
        places = np.flatnonzero(answers.classes == number)
        hit[places] = match(answers.where(places), of_class).hit[0, 0]
    shared, _, _ = shared_areas(answers, objects)
    names = np.array([classes[number] for number in answers.classes.tolist()], dtype=object)
    same = names[:, None] == np.array([box.label for box in drawn], dtype=object)[None, :]
    kinds = [
        "" if right else _kind(of_box, of_class)
        for right, of_box, of_class in zip(hit.tolist(), shared, same.astype(np.bool_), strict=True)
    ]
    found = _taken(shared, same.astype(np.bool_), hit)
    blamed = np.array([kind in ("class", "place") for kind in kinds], dtype=np.bool_)
    near = (
        np.where(same, shared >= NEAR, shared >= OVERLAPS[0])
        if len(drawn) and len(answers)
        else np.zeros(shared.shape, np.bool_)
    )
    explained = (near[blamed]).any(axis=0) if len(drawn) else np.zeros(0, np.bool_)
    return Explained(kinds, ~found & ~explained & ~objects.crowd)


def _kind(shared: NDArray[np.float64], same: NDArray[np.bool_]) -> str:
    """The kind of a box that is no hit. Args: its overlap with each object, and which are of its class (m,)."""
    own, other = shared[same].max(initial=0.0), shared[~same].max(initial=0.0)
    if own >= OVERLAPS[0]:
        return "duplicate"
    if other >= OVERLAPS[0]:
        return "class"
    if own >= NEAR:
        return "place"
    return "both" if other >= NEAR else "background"


def _taken(shared: NDArray[np.float64], same: NDArray[np.bool_], hit: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which objects (m,) the hits took, the surest first, as `match` gives them out."""
    free = np.ones(shared.shape[1], np.bool_)
    for place in np.flatnonzero(hit).tolist():
        value = np.where(same[place] & free & (shared[place] >= OVERLAPS[0]), shared[place], -1.0)
        if value.max(initial=-1.0) >= 0:
            free[len(value) - 1 - int(value[::-1].argmax())] = False
    return ~free
